"""What a verification counts over all shards of a version: samples that are there twice, labels, content."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from lakemint.names import SAMPLE_ID
from lakemint.published.content import NOTHING, content_of, total
from lakemint.published.fingerprint import Fingerprints
from lakemint.published.records import ShardRecord, SplitRecord

SHOWN = 3
"""Labels and ids that a problem names as examples."""
TOGETHER = 2**21
"""Bytes of ids whose fingerprints are taken together, at most: each time costs as much as hundreds of ids."""


class Samples:
    """All samples of a version, by two fingerprints each: two pass for one with a chance below 2^-110."""

    def __init__(self) -> None:
        self._prints = Fingerprints(), Fingerprints()
        self._shards: list[ShardRecord] = []
        self._starts = [0]
        """How many rows are before each shard, and at last before the next one."""
        self._held: list[pa.Array] = []
        """Ids of the last shards, whose fingerprints are still to be taken."""
        self._bytes = 0
        """Of those."""
        self._seen: list[tuple[Any, Any]] = []
        """Two arrays of (rows,) uint64, of the shards before those."""

    def add(self, shard: ShardRecord, ids: pa.Array) -> None:
        self._shards.append(shard)
        self._starts.append(self._starts[-1] + len(ids))
        if self._bytes + ids.nbytes > TOGETHER:
            self._take_held()
        if ids.nbytes > TOGETHER:
            self._take(ids)
        else:
            self._held.append(pa.concat_arrays([ids]))  # a copy: the column keeps all of its shard
            self._bytes += ids.nbytes

    def repeated(self) -> Iterator[tuple[ShardRecord, Any]]:
        """Shards with samples that are there more than once, each with the numbers of those rows, from 0."""
        self._take_held()
        if not self._seen:
            return
        one, other = (np.concatenate(prints) for prints in zip(*self._seen, strict=True))
        order = np.lexsort((other, one))
        same = (np.diff(one[order]) == 0) & (np.diff(other[order]) == 0)
        again = np.union1d(order[1:][same], order[:-1][same])
        owners, firsts = np.unique(np.searchsorted(self._starts, again, side="right") - 1, return_index=True)
        for owner, rows in zip(owners, np.split(again, firsts[1:]), strict=False):
            yield self._shards[owner], rows - self._starts[owner]

    def _take_held(self) -> None:
        if self._held:
            self._take(pa.concat_arrays(self._held))
        self._held, self._bytes = [], 0

    def _take(self, ids: pa.Array) -> None:
        one, other = self._prints
        self._seen.append((one.column(SAMPLE_ID, ids), other.column(SAMPLE_ID, ids)))


class Labels:
    """A split's labels as the manifest counts them, and as its shards have them."""

    def __init__(self, split: SplitRecord) -> None:
        self._named = split.labels
        self._found: dict[str, int] = dict.fromkeys(split.labels, 0)
        self._strange, self._stranger = 0, ""

    def count(self, counts: dict[str, int]) -> None:
        for label, rows in counts.items():
            if label in self._found:
                self._found[label] += rows
            else:  # there may be any number of these: they are counted, not kept
                self._strange, self._stranger = self._strange + rows, label

    def difference(self) -> str:
        """In words; empty when there is none."""
        wrong = [label for label, rows in self._found.items() if rows != self._named[label]]
        shown = [
            f"{quoted(label)} {self._named[label]:,}, found {self._found[label]:,}" for label in wrong[:SHOWN]
        ]
        parts = [listed(shown, len(wrong))] if wrong else []
        if self._strange:
            parts.append(f"rows of labels it does not name: {self._strange:,} ({quoted(self._stranger)}, …)")
        return "; ".join(parts)


class Content:
    """A split's content as the manifest names it, if it does, and as its shards have it."""

    def __init__(self, split: SplitRecord) -> None:
        self._named, self._found = split.content, NOTHING

    def add(self, rows: pa.RecordBatch) -> None:
        if self._named is not None:
            self._found = total([self._found, content_of(rows)])

    def difference(self) -> str:
        """In words; empty when there is none."""
        differs = self._named is not None and self._found != self._named
        return f"{self._named}, found {self._found}" if differs else ""


def quoted(text: object) -> str:
    """A value of a shard, which may be of any length."""
    shown = str(text)
    return repr(shown if len(shown) <= 60 else f"{shown[:59]}…")


def listed(shown: list[str], count: int) -> str:
    return ", ".join(shown[:SHOWN]) + (", …" if count > SHOWN else "")
