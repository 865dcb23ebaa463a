"""Orders in which an example comes as often as its weight says: systematic sampling, as integer arithmetic.

All weights end to end are a line. An epoch of n places puts n points on it, evenly from a start drawn for
the epoch, and each example comes once for each point on its own stretch: as often as its share of the epoch
says, rounded up or down, and over many epochs exactly so often (Madow & Madow, "On the theory of systematic
sampling", 1944). How many points lie on a shard's stretch follows from the shards' sums alone, so only the
weights of the shards at hand are ever looked at.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from lakemint.feed.order import Rows
from lakemint.feed.windows import Places, Windows

Sums = NDArray[np.int64]


class Draws:
    """An order of `places` places, over shards whose weights add up to `totals`: an epoch of it has a key."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        totals: Sequence[int],
        places: int,
        sums: Callable[[int], Sums],
        window: int,
        key: bytes,
        shuffle: bool,
    ) -> None:
        """`sums`: shard → the sums of its weights from its first row to each, (rows,).

        All weights together are below 2^62, and places below 2^31.
        """
        self._sums, self._places = sums, places
        whole = sum(totals)
        start = int.from_bytes(hashlib.sha256(key + b"draws").digest()[:8]) * whole >> 64
        bounds = [*accumulate(totals, initial=0)]
        # Point p lies at (p * whole + start) / places.
        firsts = [-((start - bound * places) // whole) for bound in bounds]
        self._windows = Windows(
            [end - begin for begin, end in pairwise(firsts)], window, key if shuffle else None
        )
        self._offsets = np.array(
            [
                first * whole + start - bound * places
                for first, bound in zip(firsts[:-1], bounds, strict=False)
            ]
        )
        """Of each shard's first point, behind where the shard begins, in parts of 1 / places."""
        self._step, self._rest = divmod(whole, places)

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        """Shard, and row in it, at each of these positions, which ascend: (positions,) int64 each."""
        shards, turns = self._windows(positions)
        points = turns * self._step + (self._offsets[shards] + turns * self._rest) // self._places
        order = np.argsort(shards, kind="stable")
        there, begins = np.unique(shards[order], return_index=True)
        rows = np.empty_like(turns)
        for shard, own in zip(there.tolist(), np.split(order, begins[1:]), strict=False):
            rows[own] = np.searchsorted(self._sums(shard), points[own], side="right")
        return shards, rows

    def ahead(self, first: int, last: int) -> list[int]:
        """As `Windows.ahead`."""
        return self._windows.ahead(first, last)
