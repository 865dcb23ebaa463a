"""The order of an epoch: shards in a random order, and of a few of them at a time the rows in a random order.

So whoever reads along it needs few shards at once, and knows which ones are next; and yet any place of it
follows from the place alone. Rows lie in their shards by a hash of their ids: a few shards are a random part
of all rows, however they came.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lakemint.feed.order import Permutation, Rows

Places = NDArray[np.int64]


class Windows:
    """Positions 0 … n-1 of an epoch over shards of so many rows, n in all.

    `window` shards are mixed at a time; without a key all is in stored order.
    """

    def __init__(self, shard_rows: Sequence[int], window: int, key: bytes | None) -> None:
        self._key, self._window = key, window
        count = len(shard_rows)
        order: Rows = np.arange(count, dtype=np.uint64)
        if key and count:
            order = Permutation(count, _derived(key, "shards"))(order)
        self._shards: Places = order.astype(np.int64)
        rows = np.array(shard_rows, np.uint64)[self._shards]
        self._begins = np.concatenate([np.zeros(1, np.uint64), np.cumsum(rows, dtype=np.uint64)])
        """Where each shard begins, by its place in this order, and at last the end."""
        self._bounds = np.append(self._begins[:-1:window], self._begins[-1])
        """Where each window begins, and at last the end."""
        self._permutation = lru_cache(maxsize=2)(self._permuted)

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        """Shard, and row in it, at each of these positions, which ascend: (positions,) int64 each."""
        places = positions
        if self._key and positions.size:
            windows = np.searchsorted(self._bounds, positions, side="right") - 1
            cuts = np.flatnonzero(np.diff(windows)) + 1
            parts = np.split(positions, cuts)
            places = np.concatenate([self._places(part) for part in parts])
        turns = np.searchsorted(self._begins, places, side="right") - 1
        return self._shards[turns], (places - self._begins[turns]).astype(np.int64)

    def ahead(self, first: int, last: int) -> list[int]:
        """The shards of the windows from one position to another, and those of the next one."""
        begin, end = np.searchsorted(self._bounds, [first, last], side="right").tolist()
        shards: list[int] = self._shards[(begin - 1) * self._window : (end + 1) * self._window].tolist()
        return shards

    def _places(self, positions: Rows) -> Rows:
        """Of positions in one window."""
        window = int(np.searchsorted(self._bounds, positions[0], side="right")) - 1
        begin = self._bounds[window]
        places: Rows = self._permutation(window)(positions - begin) + begin
        return places

    def _permuted(self, window: int) -> Permutation:
        size = int(self._bounds[window + 1] - self._bounds[window])
        return Permutation(size, _derived(self._key or b"", f"window {window}"))


def _derived(key: bytes, what: str) -> bytes:
    return hashlib.sha256(key + what.encode()).digest()
