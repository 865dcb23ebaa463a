"""Which manifest a version's number stands for: the record that publishing creates, and erasures revise."""

from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from lakemint.digest import digest_of
from lakemint.errors import IntegrityError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.catalog import no_such_version, numbers
from lakemint.published.records import MAX_BYTES, Count, Digest, Record, parse
from lakemint.published.revised import unless_revised
from lakemint.store.base import Store


class Revision(Record):
    """What a number stood for until an erasure took rows from it."""

    manifest: Digest
    rows: Count
    """How many rows went."""
    erasure: str
    """The UUID of the erasure, and of its receipt."""


class VersionRecord(Record):
    """`published/<dataset>/versions/<number>.json`: created once, the commit point of a publish.

    Only an erasure replaces it, by one that says so.
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
    seal: Digest | None = None
    """sha256 of the rest, as canonical JSON: nothing else vouches for a record. The oldest ones have none."""

    @model_serializer(mode="wrap")
    def _plain(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it always was, where nothing was erased."""
        content: dict[str, Any] = whole(self)
        return {name: value for name, value in content.items() if (name, value) != ("revisions", [])}

    @property
    def digests(self) -> list[str]:
        """The manifests that the number stands and stood for, oldest first."""
        return [*(revision.manifest for revision in self.revisions), self.manifest]

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
    if record.seal not in (None, record.sealed().seal):
        raise IntegrityError(f"{where}: changed since it was written; restore the object from a copy")
    return record


def reading(store: Store, lake: Lake, reference: Reference, digest: str) -> AbstractContextManager[None]:
    """For who reads what the version holds by the manifest `digest`: see `unless_revised`."""
    return unless_revised(
        str(reference),
        digest,
        lambda: read_version(store, lake, reference.dataset, reference.number).digests,
    )


def find_version(store: Store, lake: Lake, dataset: str, number: int) -> bytes:
    """A version's record as it is stored; raises VersionNotFound, naming those that are there."""
    try:
        return store.get(lake.version(dataset, number), MAX_BYTES)
    except ObjectNotFound as error:
        raise no_such_version(dataset, f"{dataset}@{number}", numbers(store, lake, dataset)) from error
