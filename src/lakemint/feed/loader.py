"""Batches for a training loop, in an order that is a pure function of digest, seed and epoch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.order import Permutation, Rows, order_key

if TYPE_CHECKING:
    from lakemint.feed.split import Split

_BLOCK = 65536
"""Positions whose rows are computed at a time: enough for numpy to be fast, 0.5 MiB of them."""

Arrays = dict[str, np.ndarray[Any, Any]]
"""Column → its values: numbers as they are stored, text and bytes as objects. A null is None, in a column of
floating-point numbers NaN: a batch with nulls gives its integers as objects."""


class Loader:
    """One epoch over a split; iterating again gives the same batches. `len(loader)` is their number."""

    def __init__(  # noqa: PLR0913
        self, split: "Split", batch_size: int, *, seed: int, epoch: int, shuffle: bool, drop_last: bool
    ) -> None:
        if batch_size < 1:
            raise LakemintError(f"batch_size is {batch_size}; it must be at least 1")
        self._split, self._batch_size = split, batch_size
        self._rows = len(split)
        self._end = self._rows - self._rows % batch_size if drop_last else self._rows
        key = order_key(split.digest, seed, epoch)
        self._permutation = Permutation(self._rows, key) if shuffle and self._rows else None
        self._ends = np.cumsum([0, *split.shard_rows], dtype=np.uint64)

    def __len__(self) -> int:
        return (self._end + self._batch_size - 1) // self._batch_size

    def __iter__(self) -> Iterator[Arrays]:
        for batch in self.arrow():
            columns = zip(batch.schema.names, batch.columns, strict=True)
            yield {name: _values(column) for name, column in columns}

    def arrow(self) -> Iterator[pa.RecordBatch]:
        """The same batches as Arrow record batches."""
        block = max(_BLOCK - _BLOCK % self._batch_size, self._batch_size)
        for begin in range(0, self._end, block):
            rows = self._order(begin, min(begin + block, self._end))
            for start in range(0, len(rows), self._batch_size):
                yield self._gather(rows[start : start + self._batch_size])

    def _order(self, begin: int, end: int) -> Rows:
        positions = np.arange(begin, end, dtype=np.uint64)
        return positions if self._permutation is None else self._permutation(positions)

    def _gather(self, rows: Rows) -> pa.RecordBatch:
        """The rows, in their order: one Arrow `take` a shard, since a take over chunks is slow."""
        shards = np.searchsorted(self._ends, rows, side="right") - 1
        within = (rows - self._ends[shards]).astype(np.int64)
        by_shard = np.argsort(shards, kind="stable")
        pieces = []
        for index in np.unique(shards):
            picked = within[by_shard[shards[by_shard] == index]]
            pieces.append(self._split.shard(int(index)).take(pa.array(picked)))
        if len(pieces) == 1:
            return pieces[0]
        back = np.empty(len(rows), dtype=np.int64)
        back[by_shard] = np.arange(len(rows))
        return pa.concat_batches(pieces).take(pa.array(back))


def _values(column: pa.Array) -> np.ndarray[Any, Any]:
    if column.null_count and pa.types.is_integer(column.type):
        # NumPy would make floats of them, which large integers do not survive.
        return np.array(column.to_pylist(), dtype=object)
    values: np.ndarray[Any, Any] = column.to_numpy(zero_copy_only=False)
    return values
