"""The records of a published version, as the platform writes and checks them.

The feed reads the same records with plain checks of its own, since a training image has no pydantic.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from lakemint.digest import canonical, sha256
from lakemint.errors import FormatError, IntegrityError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.published.words import MAX_BY, MAX_REASON
from lakemint.store.base import Store

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]
MAX_BYTES = 64 * 1024 * 1024
"""A longer record is not read."""
MAX_HISTORY = 1000
"""Earlier positions that a channel remembers."""


class Record(BaseModel):
    """What all stored records have in common."""

    # Fields that a later minor revision adds are kept as they are.
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class ColumnRecord(Record):
    name: str
    type: str
    """Arrow's name for it."""


class FileRecord(Record):
    """An Arrow file among the shards, under its digest."""

    sha256: Digest
    bytes: Count
    rows: Count


class ShardRecord(FileRecord):
    """The rows of one bucket of a split: a file, and over it, oldest first, what has changed since.

    `rows` are those that are left, of all files together; see `published.shards.merged`.
    """

    bucket: Count | None = None
    """Which of its split's; the first manifests did not say."""
    overlays: list[FileRecord] = []
    erased: list[Count] = []
    """Which of the rows that it had when it was published were erased since, by their numbers, ascending."""

    @model_validator(mode="after")
    def _erased_are_of_its_rows(self) -> "ShardRecord":
        ordered = all(one < other for one, other in pairwise(self.erased))
        if not ordered or self.erased[-1:] >= [self.rows + len(self.erased)]:
            raise ValueError("its erased rows are none of its own, or in no order")
        return self

    @property
    def files(self) -> "list[FileRecord]":
        """All its files, in the order they count."""
        return [self, *self.overlays]

    @property
    def stored(self) -> int:
        """Bytes of all its files."""
        return sum(file.bytes for file in self.files)

    @model_serializer(mode="wrap")
    def _plain(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As the first manifests had it, where nothing lies over the file."""
        content: dict[str, Any] = whole(self)
        return {name: value for name, value in content.items() if value not in (None, [])}


class SplitRecord(Record):
    rows: Count
    labels: dict[str, Count]
    """Label → rows."""
    content: Digest | None = None
    """Of its rows, however they lie in shards, see `published.content`; the first manifests did not say."""
    shards: list[ShardRecord]

    @model_serializer(mode="wrap")
    def _plain(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As the first manifests had it, where it does not say."""
        content: dict[str, Any] = whole(self)
        return {name: value for name, value in content.items() if (name, value) != ("content", None)}


class Counts(Record):
    """Where the raw records went: raw = published + unlabeled + rejected + quarantined, and those erased."""

    raw: Count
    quarantined: Count
    rejected: Count
    unlabeled: Count
    published: Count


class LabelSummary(Record):
    """What is known of the labels as a whole; null where it does not apply."""

    samples: Count | None = None
    answers: Count | None = None
    annotators: Count | None = None
    alpha: float | None = None
    """Krippendorff's alpha."""
    mean_agreement: float | None = None
    method: str | None = None
    replayed: bool | None = None
    """Whether recorded answers were submitted by accounts that stand for the people who gave them."""


def _numbered(value: Any) -> Any:
    """The first manifests named a table's version by its number alone."""
    return TableVersion(value, "") if type(value) is int else value


class Manifest(Record):
    """`published/<dataset>/manifests/<sha256>.json`: its digest is the version's identity.

    The first format knew no overlays, no `base` and no `buckets`.
    """

    format: Literal["lakemint.manifest/1", "lakemint.manifest/2"] = "lakemint.manifest/2"
    dataset: str
    contract: Digest
    recipe: Digest
    lakemint: str
    code: Digest | None = None
    """Of the sources of the stages, see `lakemint.code`; the first manifests named the version alone."""
    inputs: dict[str, Annotated[TableVersion, BeforeValidator(_numbered)]]
    verdicts: list[Digest]
    columns: list[ColumnRecord] = Field(alias="schema")
    labels: LabelSummary
    counts: Counts
    base: Digest | None = None
    """The manifest whose shards it goes on from; None where all shards were written anew."""
    buckets: Count | None = None
    """Into how many shards a split is cut, by a hash of the sample's id."""
    splits: dict[str, SplitRecord]
    revises: Digest | None = None
    """The manifest that an erasure made this one of; the fields below are there only then."""
    erased: Count = 0
    """Rows that erasures took, of those that were published at first."""
    withdrawn: list[Digest] = []
    """Files that held erased rows: whoever kept a copy shall delete it."""

    @model_validator(mode="after")
    def _files_belong_to_one_shard(self) -> "Manifest":
        held = [shard for shard in self.shards if shard.rows]
        digests = [digest for shard in held for digest in {file.sha256 for file in shard.files}]
        if len({*digests}) < len(digests):
            raise ValueError("a shard stands there twice")
        return self

    @property
    def shards(self) -> list[ShardRecord]:
        """Those of all splits."""
        return [shard for split in self.splits.values() for shard in split.shards]

    @property
    def tells_content(self) -> bool:
        """Whether it has all that one which is written today has."""
        return all(split.content is not None for split in self.splits.values())

    @property
    def content(self) -> dict[str, Any]:
        """Plain data, as it is stored."""
        unknown = {"base", "buckets"} if self.format == "lakemint.manifest/1" else set()
        if self.code is None:
            unknown |= {"code"}
        if self.revises is None:
            unknown |= {"revises", "erased", "withdrawn"}
        return self.model_dump(mode="json", by_alias=True, exclude=unknown)

    @property
    def digest(self) -> str:
        return sha256(canonical(self.content))


class CheckRecord(Record):
    name: str
    severity: str
    passed: bool


class Subject(Record):
    table: str
    version: Count
    commit: str

    @property
    def at(self) -> TableVersion:
        return TableVersion(self.version, self.commit)


class VerdictRecord(Record):
    """`verdicts/<dataset>/<table>/<version>-<commit>/<suite>.json`, as far as a promotion depends on it."""

    format: Literal["lakemint.verdict/1"] = "lakemint.verdict/1"
    dataset: str
    subject: Subject
    suite: Digest
    passed: bool
    checks: list[CheckRecord]


class Position(Record):
    """Where a channel stands or stood, who moved it there, and what let it."""

    version: Annotated[int, Field(ge=1, lt=10**8)]
    manifest: Digest
    moved_at: str
    """UTC, ISO 8601."""
    move: str
    """A UUID: which attempt moved the channel."""
    kind: Literal["promotion", "rollback"]
    by: Annotated[str, Field(max_length=MAX_BY)]
    reason: Annotated[str, Field(max_length=MAX_REASON)]
    verdicts: list[Digest]
    """The passing verdicts that the manifest binds, as they were found."""


class ChannelRecord(Position):
    """`published/<dataset>/channels/<name>.json`: replaced whole, so that pointer and log never part."""

    format: Literal["lakemint.channel/1"] = "lakemint.channel/1"
    dataset: str
    channel: str
    history: Annotated[list[Position], Field(max_length=MAX_HISTORY)]
    """Earlier positions, newest first; the oldest beyond `MAX_HISTORY` are forgotten."""

    @property
    def position(self) -> Position:
        """Where it stands."""
        own = {"format", "dataset", "channel", "history"}
        return Position.model_validate(self.model_dump(exclude=own))

    @property
    def positions(self) -> list[Position]:
        """All that is known, newest first."""
        return [self.position, *self.history]


R = TypeVar("R", bound=Record)


def parse(kind: type[R], data: bytes, where: str) -> R:
    """Read a record stored at `where`; raises FormatError naming place, field and reason."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        if field == "format":
            known = kind.model_fields["format"].default
            raise FormatError(
                f"{where}: its format is {problem['input']!r}, this Lakemint reads {known}; upgrade Lakemint"
            ) from error
        raise FormatError(f"{where}: {field or 'record'}: {problem['msg']}") from error


def read_manifest(store: Store, lake: Lake, dataset: str, digest: str) -> Manifest:
    """The manifest of that digest; raises FormatError, IntegrityError when gone, changed or another's."""
    where = lake.manifest(dataset, digest)
    try:
        data = store.get(where, MAX_BYTES)
    except ObjectNotFound as error:
        raise IntegrityError(f"{where}: the manifest is gone; restore it from a copy") from error
    if sha256(data) != digest:
        raise IntegrityError(f"{where}: not the bytes that were published; restore the object from a copy")
    manifest = parse(Manifest, data, where)
    if manifest.dataset != dataset:
        raise IntegrityError(
            f"{where}: by its own words it is of {manifest.dataset!r}; restore it from a copy"
        )
    return manifest
