"""Which manifest a version's number stands for: the record that publishing creates.

Erasures revise it, and its owner retires it; the number stays taken for ever.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, Field, SerializerFunctionWrapHandler, model_serializer

from lakemint.digest import canonical, digest_of
from lakemint.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreUnavailable
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published import holds
from lakemint.published.catalog import no_such_version, numbers
from lakemint.published.records import MAX_BYTES, Count, Digest, Manifest, Record, parse, read_manifest
from lakemint.published.taken import Look, refusal, unless_taken
from lakemint.published.words import MAX_BY, MAX_REASON
from lakemint.store.base import Store

_ATTEMPTS = 5
Changed = TypeVar("Changed")


class Revision(Record):
    """What a number stood for until an erasure took rows from it."""

    manifest: Digest
    rows: Count
    """How many rows went."""
    erasure: str
    """The UUID of the erasure, and of its receipt."""


class Retirement(Record):
    """When a version came out of use, by whom and why."""

    at: AwareDatetime
    by: Annotated[str, Field(max_length=MAX_BY)]
    reason: Annotated[str, Field(max_length=MAX_REASON)]


class VersionRecord(Record):
    """`published/<dataset>/versions/<number>.json`: created once, the commit point of a publish.

    Only an erasure, a retirement or its undoing replaces it, by one that says so.
    """

    format: Literal["lakemint.version/1"] = "lakemint.version/1"
    dataset: str
    version: Annotated[int, Field(ge=1, lt=10**8)]
    manifest: Digest
    published_at: str
    """UTC, ISO 8601."""
    publication: str
    """A UUID: which attempt created the record."""
    revisions: list[Revision] = Field(default=[])
    """What it stood for before, oldest first."""
    retired: Retirement | None = None
    """None while it is in use."""
    seal: Digest | None = None
    """sha256 of the rest, as canonical JSON: nothing else vouches for a record. The oldest ones have none."""

    @model_serializer(mode="wrap")
    def _plain(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it always was, where nothing was erased or retired."""
        content: dict[str, Any] = whole(self)
        unsaid: tuple[tuple[str, object], ...] = ("revisions", []), ("retired", None)
        return {name: value for name, value in content.items() if (name, value) not in unsaid}

    @property
    def reference(self) -> Reference:
        return Reference(self.dataset, self.version)

    @property
    def digests(self) -> list[str]:
        """The manifests that the number stands and stood for, oldest first."""
        return [*(revision.manifest for revision in self.revisions), self.manifest]

    @property
    def is_whole(self) -> bool:
        """Whether its seal fits; one without is older, and holds no later field either."""
        return self.seal == self.sealed().seal or (self.seal is None and not self.model_extra)

    def sealed(self) -> "VersionRecord":
        """The same with the seal that fits it."""
        return self.model_copy(update={"seal": digest_of(self.model_dump(mode="json", exclude={"seal"}))})


def read_version(store: Store, lake: Lake, dataset: str, number: int) -> VersionRecord:
    """A version's record; raises VersionNotFound naming those there are, FormatError, and IntegrityError."""
    where = lake.version(dataset, number)
    record = parse(VersionRecord, find_version(store, lake, dataset, number), where)
    if (record.dataset, record.version) != (dataset, number):
        raise IntegrityError(
            f"{where}: by its own words it is of {record.dataset}@{record.version}; restore it from a copy"
        )
    if not record.is_whole:
        raise IntegrityError(f"{where}: changed since it was written; restore the object from a copy")
    return record


def require_open(store: Store, lake: Lake, record: VersionRecord) -> None:
    """Raises VersionRetired for a retired version that nobody holds; see `lakemint.published.holds`."""
    holds.require_open(store, lake, record.reference, record.retired, looking(store, lake, record.dataset))


def require_in_use(store: Store, lake: Lake, record: VersionRecord) -> None:
    """Raises VersionRetired for a retired version."""
    if record.retired:
        look = looking(store, lake, record.dataset)
        raise refusal(store, lake, record.reference, record.retired, look)


def looking(store: Store, lake: Lake, dataset: str) -> Look:
    """Tells of a version's number whether it is retired; raises as `read_version`."""
    return lambda number: read_version(store, lake, dataset, number).retired


def find_manifest(store: Store, lake: Lake, record: VersionRecord) -> Manifest | None:
    """A version's manifest; None for a retired one's that is gone. Raises as `read_manifest`."""
    if record.retired and store.stat(lake.manifest(record.dataset, record.manifest)) is None:
        return None
    return read_manifest(store, lake, record.dataset, record.manifest)


def open_manifest(store: Store, lake: Lake, record: VersionRecord) -> Manifest:
    """A version's manifest; raises VersionRetired for a retired one's that is gone, else as `read_manifest`.

    And VersionRevised when an erasure put another one in its place just now.
    """
    with reading(store, lake, record.reference, record.manifest):
        return read_manifest(store, lake, record.dataset, record.manifest)


def settled(change: Callable[[], Changed]) -> Changed:
    """What `change` returns, which replaces a record: done again when somebody else was faster.

    Raises what it raises, and ObjectExists when others are faster again and again.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(ObjectExists):
            return change()
    return change()


def replace_version(store: Store, lake: Lake, record: VersionRecord, etag: str) -> None:
    """Put a record in the place of the one that has that etag; a lost reply is settled by reading back.

    Raises ObjectExists when another one is there, ObjectNotFound when none is, and StoreError.
    """
    where, data = lake.version(record.dataset, record.version), canonical(record.model_dump(mode="json"))
    try:
        store.replace(where, data, etag)
    except (ObjectExists, ObjectNotFound, StoreUnavailable):
        if store.get(where, MAX_BYTES) != data:
            raise


def reading(store: Store, lake: Lake, reference: Reference, digest: str) -> AbstractContextManager[None]:
    """For who reads what the version holds by the manifest `digest`: see `unless_taken`."""
    return unless_taken(
        reference, digest, lambda: read_version(store, lake, reference.dataset, reference.number)
    )


def find_version(store: Store, lake: Lake, dataset: str, number: int) -> bytes:
    """A version's record as it is stored; raises VersionNotFound, naming those that are there."""
    try:
        return store.get(lake.version(dataset, number), MAX_BYTES)
    except ObjectNotFound as error:
        raise no_such_version(dataset, f"{dataset}@{number}", numbers(store, lake, dataset)) from error
