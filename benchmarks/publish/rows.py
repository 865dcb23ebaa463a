"""The rows that all publish: an id, a label, a split and 1 KB of bytes that do not compress, as images are.

`<folder>/<state>/part-<n>.parquet` has all rows of a state, in no order of their ids, as a pipeline would
leave them. A state has the rows of the state before it but for those in `<folder>/<state>-changed.parquet`.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STATES: Final = ("first", "spread", "block", "few")
"""At first; 1% changed, everywhere; then 1% in one stretch; then as many as are 1% of a tenth of the rows."""
PART: Final = 32 * 1024 * 1024
"""Bytes of a part, or so."""
_SPLITS = ("train",) * 8 + ("validation", "test")


@dataclass(frozen=True)
class Rows:
    """How many rows there are, and of how many bytes."""

    folder: Path
    count: int
    size: int = 1024

    @property
    def bytes(self) -> int:
        """Of the payloads and ids."""
        return self.count * (self.size + 32)

    def write(self) -> None:
        """Write all states."""
        self.folder.mkdir(parents=True)
        for before, state in zip((None, *STATES), STATES, strict=False):
            self._write(state, before, self._changes(state))

    def _changes(self, state: str) -> Callable[[int], bool]:
        """Whether a row is another one than in the state before."""
        one, tenth = self.count // 100, self.count // 10
        begin = self.count // 2
        return {
            "first": lambda index: True,
            "spread": lambda index: index % 100 == 37,
            "block": lambda index: begin <= index < begin + one,
            "few": lambda index: index < tenth and index % 100 == 61,
        }[state]

    def _write(self, state: str, before: str | None, changes: Callable[[int], bool]) -> None:
        """The parts that hold a changed row are written, the others are those of the state before."""
        (self.folder / state).mkdir()
        changed, each = [], PART // self.size
        for begin in range(0, self.count, each):
            indices = range(begin, min(begin + each, self.count))
            mask = np.fromiter(map(changes, indices), bool, len(indices))
            name = f"part-{begin // each:04d}.parquet"
            there = self.folder / before / name if before else None
            if there and not mask.any():
                os.link(there, self.folder / state / name)
                continue
            fresh = _table(state, indices, self.size)
            whole = _laid_over(pq.read_table(there), fresh, mask) if there else fresh
            pq.write_table(whole, self.folder / state / name)
            changed.append(fresh.filter(pa.array(mask)))
        if before:
            pq.write_table(pa.concat_tables(changed), self.folder / f"{state}-changed.parquet")


def _laid_over(old: pa.Table, new: pa.Table, mask: "np.ndarray") -> pa.Table:  # type: ignore[type-arg]
    take = np.arange(old.num_rows) + np.where(mask, old.num_rows, 0)
    return pa.concat_tables([old, new]).take(pa.array(take)).combine_chunks()


def _table(state: str, indices: range, size: int) -> pa.Table:
    ids = [hashlib.sha256(str(index).encode()).hexdigest()[:32] for index in indices]
    drawn = np.random.default_rng([STATES.index(state), indices.start])
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * size
    data = pa.py_buffer(drawn.bytes(len(ids) * size))
    columns = {
        "sample_id": pa.array(ids),
        "image": pa.Array.from_buffers(pa.binary(), len(ids), [None, pa.py_buffer(offsets), data]),
        "label": pa.array(["good" if one[0] < "8" else "bad" for one in ids]),
        "split": pa.array([_SPLITS[int(one[1:8], 16) % 10] for one in ids]),
    }
    return pa.table(columns)
