"""Rows of tables larger than memory, put in order of their place by way of a temporary file."""

import os
import tempfile
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    Places = NDArray[np.int64]


class Spill:
    """Takes batches in any order, from any thread, and gives back all rows of a place at once.

    A place is a number; which one a row has is for the caller to say. Each batch is cut into one slice a
    place, and these lie one after the other in a file that no one else can open, that has no name, and that
    is gone with the process. It is not synced: it needs to outlive nothing.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `__exit__`
        except OSError as error:
            raise _no_room(error) from error
        self._end, self._lock = 0, Lock()
        self._written: list[tuple[Places, Places]] = []
        none: Places = np.zeros(0, np.int64)
        self._places = self._begins = self._sizes = none

    def __enter__(self) -> "Spill":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._file.close()

    def write(self, batch: pa.RecordBatch, places: "Places") -> None:
        """Keep the rows, of which `places`, (rows,) int64, says where each belongs.

        Raises LakemintError when there is no room.
        """
        if not batch.num_rows:
            return
        order = np.argsort(places, kind="stable")
        rows, places = batch.take(pa.array(order)), places[order]
        cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
        slices = [rows.slice(begin, end - begin).serialize() for begin, end in pairwise(cuts)]
        sizes = np.array([one.size for one in slices], np.int64)
        with self._lock:
            at = self._end
            self._end += int(sizes.sum())
            bounds = at + np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
            self._written.append((places[cuts[:-1]], bounds))
        for one, begin in zip(slices, bounds, strict=False):
            self._put(one, int(begin))

    def sizes(self) -> dict[int, int]:
        """Place → bytes, of all that was written, in the order of the places; afterwards nothing more is."""
        if self._written:
            places = np.concatenate([places for places, _ in self._written])
            order = np.argsort(places, kind="stable")
            self._places = places[order]
            self._begins = np.concatenate([bounds[:-1] for _, bounds in self._written])[order]
            self._sizes = np.concatenate([np.diff(bounds) for _, bounds in self._written])[order]
            self._written.clear()
        there, first = np.unique(self._places, return_index=True)
        sums = np.add.reduceat(self._sizes, first) if len(first) else self._sizes
        return dict(zip(there.tolist(), sums.tolist(), strict=True))

    def read(self, first: int, last: int | None = None) -> pa.Table:
        """The rows of a place, or of all from one to another, once `sizes` was asked for."""
        begin = np.searchsorted(self._places, first)
        end = np.searchsorted(self._places, first if last is None else last, side="right")
        parts = [
            pa.ipc.read_record_batch(pa.py_buffer(os.pread(self._file.fileno(), size, at)), self._schema)
            for at, size in zip(
                self._begins[begin:end].tolist(), self._sizes[begin:end].tolist(), strict=True
            )
        ]
        return pa.Table.from_batches(parts, schema=self._schema)

    def _put(self, data: pa.Buffer, at: int) -> None:
        view = memoryview(data)
        try:
            while view:
                done = os.pwrite(self._file.fileno(), view, at)
                view, at = view[done:], at + done
        except OSError as error:
            raise _no_room(error) from error


def _no_room(error: OSError) -> LakemintError:
    return LakemintError(
        f"no room in {tempfile.gettempdir()} for rows on their way to their shards ({error.strerror}): they "
        "take as much there as in gold; make room, or name another folder by TMPDIR"
    )
