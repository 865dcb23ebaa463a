"""What a file format is to an export, and how a version is cut into files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import quote

import pyarrow as pa

from lakemint.published.opened import OpenVersion
from lakemint.published.records import ShardRecord

README: Final = "README.md"
FILE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of shards that go into one file; more only where one shard alone has more."""


@dataclass(frozen=True)
class Part:
    """One file of examples, to be written: the rows of some shards of one split, in their order."""

    path: str
    """Relative to the export's folder, with slashes."""
    split: str
    shards: tuple[ShardRecord, ...]

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Of its shards in the store."""
        return sum(shard.stored for shard in self.shards)


@dataclass(frozen=True)
class Written:
    """One file of an export. Split and rows are None for one that holds no examples."""

    path: str
    bytes: int
    sha256: str
    split: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Reading:
    """How other tools take the examples out of a format's files, in Croissant's words."""

    encoding: str
    """Media type of a file of examples, or a URL where there is none."""
    by: Literal["column", "jsonPath"]
    """How a column is named. Columns of bytes have no `jsonPath`: they are files of their own."""
    inside: tuple[str, str] | None = None
    """Of archives: glob and media type of the files in them that hold the columns."""


class Format(Protocol):
    """A way to write examples into files, and to read them again."""

    reading: Reading

    def parts(self, version: OpenVersion) -> list[Part]:
        """The files of examples; an empty split has none."""

    def write(self, version: OpenVersion, part: Part, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        """A new file of a part's rows, whose bytes depend on nothing else; raises ExportError, OSError."""

    def read(self, version: OpenVersion, path: Path) -> Iterator[pa.RecordBatch]:
        """The rows of such a file in their order, a bounded number at a time."""

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        """Path → text of the small files that the format wants beside the examples.

        Of `README` it is only the head: the data card follows.
        """


def cut(shards: Iterable[ShardRecord], at_most: int = FILE_BYTES) -> list[tuple[ShardRecord, ...]]:
    """The shards that go into one file each, in their order; those without rows go nowhere."""
    pieces: list[list[ShardRecord]] = []
    size = 0
    for shard in shards:
        if not shard.rows:
            continue
        if not pieces or size + shard.stored > at_most:
            pieces.append([])
            size = 0
        pieces[-1].append(shard)
        size += shard.stored
    return [tuple(piece) for piece in pieces]


def safe(name: str) -> str:
    """The name without what means something in a path, in a URI, or to a reader that splits names at dots."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")
