"""A version's record and manifest, and a channel, as a training process reads them, with plain checks."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lakemint.errors import IntegrityError
from lakemint.feed.plain import Checked, count, digest, parse_plain, plain_json, text
from lakemint.names import Channel, Reference, by_use

RECORD_BYTES: Final = 64 * 1024
CHANNEL_BYTES: Final = 16 * 1024 * 1024
MANIFEST_BYTES: Final = 64 * 1024 * 1024
"""What is longer is not read."""

_UNSEALED: Final = {"format", "dataset", "version", "manifest", "published_at", "publication"}
"""What the oldest version records hold, which had no seal yet."""


@dataclass(frozen=True)
class File:
    """One Arrow file: hex sha256 of its bytes, its size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Shard(File):
    """A file with what lies over it, oldest first, and the rows of all together."""

    rows: int
    overlays: tuple[File, ...] = ()
    erased: tuple[int, ...] = ()
    """Which of the rows that it had when it was published were erased since, by their numbers, ascending."""

    @property
    def files(self) -> tuple[File, ...]:
        """All its files, in the order they count."""
        return (self, *self.overlays)


@dataclass(frozen=True)
class Retirement:
    """When a version came out of use, by whom and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class Record:
    """A version record: which manifest the number stands for, and since when (UTC, ISO 8601)."""

    manifest: str
    published_at: str
    earlier: tuple[str, ...] = ()
    """Those it stood for before erasures."""
    retired: Retirement | None = None
    """None while it is in use."""

    @property
    def digests(self) -> tuple[str, ...]:
        """The manifests that the number stands and stood for, oldest first."""
        return (*self.earlier, self.manifest)


@dataclass(frozen=True)
class Standing:
    """Where a channel stands: a version's number and its manifest's digest."""

    number: int
    manifest: str


@dataclass(frozen=True)
class Manifest:
    """What a version holds. `content` is all of it, as plain data."""

    columns: tuple[tuple[str, str], ...]
    """(name, Arrow type) in the shards' order."""
    splits: dict[str, tuple[Shard, ...]]
    withdrawn: tuple[str, ...]
    """Files that held rows which were erased since."""
    content: dict[str, Any]


def parse_record(data: bytes, where: str, reference: Reference) -> Record:
    """Read the record of a version, stored at `where`; raises FormatError, IntegrityError for another's."""
    content = parse_plain(data, where, "lakemint.version")
    _require_own(content, where, dataset=reference.dataset, version=reference.number)
    with Checked(where):
        earlier = tuple(digest(one["manifest"]) for one in content.get("revisions", ()))
        own = digest(content["manifest"]), str(content["published_at"])
        record = Record(*own, earlier, _retirement(content.get("retired")))
    if content.get("seal") != _seal(content) and not content.keys() <= _UNSEALED:
        raise IntegrityError(f"{where}: changed since it was written; restore the object from a copy")
    return record


def parse_channel(data: bytes, where: str, channel: Channel) -> Standing:
    """Read a channel stored at `where`; raises FormatError, IntegrityError for another's."""
    content = parse_plain(data, where, "lakemint.channel")
    _require_own(content, where, dataset=channel.dataset, channel=channel.name)
    with Checked(where):
        return Standing(count(content["version"]), digest(content["manifest"]))


def parse_manifest(data: bytes, where: str, dataset: str) -> Manifest:
    """Read a manifest stored at `where`; raises FormatError, IntegrityError for another dataset's."""
    content = parse_plain(data, where, "lakemint.manifest", newest=2)
    _require_own(content, where, dataset=dataset)
    with Checked(where):
        columns = tuple((text(item["name"]), text(item["type"])) for item in content["schema"])
        splits = {
            name: tuple(_shard(item) for item in content["splits"][name]["shards"])
            for name in by_use(content["splits"].keys())
        }
        shards = [shard for held in splits.values() for shard in held]
        digests = [name for one in shards if one.rows for name in {file.sha256 for file in one.files}]
        if len({*digests}) < len(digests):
            raise ValueError("a shard stands there twice")
        count(sum(shard.rows for shard in shards))
        withdrawn = tuple(digest(file) for file in content.get("withdrawn", ()))
    return Manifest(columns, splits, withdrawn, content)


def _require_own(content: dict[str, Any], where: str, **own: str | int) -> None:
    """A whole record at another's place is wrong too."""
    if said := [f"{name} {content.get(name)!r}" for name, value in own.items() if content.get(name) != value]:
        raise IntegrityError(
            f"{where}: by its own words it is of {', '.join(said)[:200]}; restore it from a copy"
        )


def _seal(content: dict[str, Any]) -> str:
    """sha256 of the rest as canonical JSON."""
    rest = {name: value for name, value in content.items() if name != "seal"}
    return hashlib.sha256(plain_json(rest)).hexdigest()


def _retirement(item: dict[str, Any] | None) -> Retirement | None:
    if item is None:
        return None
    at = datetime.fromisoformat(item["at"])
    if at.tzinfo is None:
        raise ValueError("retired at a time without a zone")
    return Retirement(at, text(item["by"]), text(item["reason"]))


def _shard(item: dict[str, Any]) -> Shard:
    overlays = tuple(_file(over) for over in item.get("overlays", ()))
    rows, erased = count(item["rows"]), tuple(count(one) for one in item.get("erased", ()))
    if [*erased] != sorted({*erased}) or erased[-1:] >= (rows + len(erased),):
        raise ValueError("a shard's erased rows are none of its own, or in no order")
    return Shard(digest(item["sha256"]), count(item["bytes"]), rows, overlays, erased)


def _file(item: dict[str, Any]) -> File:
    return File(digest(item["sha256"]), count(item["bytes"]))
