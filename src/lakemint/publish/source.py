"""What building a version asks of whoever reads its tables: Spark, or this process alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lakemint.publish.increment import Changes, Place
from lakemint.published.records import FileRecord, Manifest

Columns = tuple[tuple[str, str], ...]
"""(name, Arrow type) of each."""


@dataclass(frozen=True)
class Grown:
    """What changed in gold since a base, written."""

    changes: Changes
    contents: Mapping[str, str]
    """Split → what the content of its rows grows by, see `published.content`."""
    anew: Mapping[Place, Mapping[str, Any]]
    """Shards that were written whole: bucket, sha256, bytes and rows of each."""
    overlays: Mapping[Place, FileRecord]
    same_samples: bool = False
    """Whether gold is known to have the very samples that it had."""


class Source(Protocol):
    """The tables that a version is made of, at the states that its basis names."""

    @property
    def columns(self) -> Columns:
        """Of the shards."""

    def counts(self, unlabeled: int | None) -> Iterable[tuple[str, int]]:
        """Rows of raw, quarantined, rejected, unlabeled, which may be known already, and published."""

    def write(self) -> list[dict[str, Any]]:
        """Write the shards of all of gold: split, bucket, sha256, bytes, rows, labels and content of each."""

    def grow(self, base: Manifest) -> Grown:
        """Write what changed in gold since the base."""
