"""Gold's rows, put by their places into shards: a sort by place, whose runs are slices in a temporary file.

A distribution sort on disk (Knuth, The Art of Computer Programming, vol. 3, section 5.4): each row is read
twice and written twice, once as part of its shard, and as much lies in memory as a few shards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.names import SAMPLE_ID, SPLIT
from lakemint.publish.arrow_changes import buckets_of
from lakemint.publish.increment import Place
from lakemint.publish.parquet_rows import RowReader
from lakemint.publish.plain import NotPlain
from lakemint.publish.shards import ShardWriter
from lakemint.publish.spill import Spill
from lakemint.publish.table_files import DataFile
from lakemint.published.columns import arrow_schema
from lakemint.work import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

COPIES: Final = 5
"""So many times its own size a shard takes while it is written."""
_PARTS: Final = 4
"""Into so many parts a file is cut, to be read at once."""


@dataclass(frozen=True)
class GoldShards:
    """Gold at some state, and the writer of its shards."""

    reader: RowReader
    files: tuple[DataFile, ...]
    writer: ShardWriter
    buckets: int

    def write(self, only: frozenset[Place] | None = None) -> list[dict[str, Any]]:
        """Write the shards of all places or some; of each what `publish.source.Source.write` tells."""
        places = _Places(self.buckets)
        with Spill(arrow_schema(self.writer.columns)) as spill:
            each(lambda part: self._scatter(*part, places, spill, only), self._parts())
            sizes = spill.sizes()

            def write(number: int) -> dict[str, Any]:
                split, bucket = places.place(number)
                rows = spill.read(number)
                made = self.writer.store(self.reader.store, rows)
                return {"split": split, "bucket": bucket, **made, "content": self.writer.content(rows)}

            return each(write, sizes, COPIES * max(sizes.values(), default=0))

    def _parts(self) -> Iterator[tuple[DataFile, range]]:
        for file in self.files:
            groups = self.reader.groups(file)
            size = max(1, groups // _PARTS)
            yield from ((file, range(at, min(at + size, groups))) for at in range(0, groups, size))

    def _scatter(
        self, file: DataFile, groups: range, places: "_Places", spill: Spill, only: frozenset[Place] | None
    ) -> None:
        names = [name for name, _ in self.writer.columns]
        for batch in self.reader.batches(file, groups):
            numbers = places.numbers(batch)
            rows = batch.select(names)
            if only is not None:
                wanted = np.isin(numbers, [places.number(*place) for place in only])
                rows, numbers = rows.filter(pa.array(wanted)), numbers[wanted]
            spill.write(rows, numbers)


class _Places:
    """Numbers places, by the splits as they are met."""

    def __init__(self, buckets: int) -> None:
        self._buckets, self._lock = buckets, Lock()
        self._splits: dict[str, int] = {}

    def numbers(self, batch: pa.RecordBatch) -> "NDArray[np.int64]":
        """Of each row, (rows,); raises NotPlain for rows of no split or id."""
        coded = pc.dictionary_encode(batch.column(SPLIT))
        if coded.null_count:
            raise NotPlain("gold has rows of no split")
        firsts = np.array([self.number(name, 0) for name in coded.dictionary.to_pylist()], np.int64)
        buckets = buckets_of(batch.column(SAMPLE_ID), self._buckets)
        return firsts[coded.indices.to_numpy()] + buckets if len(buckets) else buckets

    def number(self, split: str, bucket: int) -> int:
        with self._lock:
            return self._splits.setdefault(split, len(self._splits)) * self._buckets + bucket

    def place(self, number: int) -> Place:
        split, bucket = divmod(number, self._buckets)
        return list(self._splits)[split], bucket
