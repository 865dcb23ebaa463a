"""What erasures left: an order that goes on as it was, without the examples that are gone."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lakemint.feed.windows import Places


class Shard(Protocol):
    """As many rows as are left, and the numbers of those that are not."""

    @property
    def rows(self) -> int: ...
    @property
    def erased(self) -> Sequence[int]: ...


class Gaps:
    """The erased rows of a split's shards: orders count them still, and nobody gets them."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.rows = [shard.rows + len(shard.erased) for shard in shards]
        """Of each shard, as many as it had when it was published."""
        self._starts = np.cumsum([0, *self.rows], dtype=np.int64)
        erased = [
            start + np.array(shard.erased, np.int64)
            for start, shard in zip(self._starts, shards, strict=False)
        ]
        self._gone: Places = np.concatenate([np.zeros(0, np.int64), *erased])

    def closed(self, shards: Places, rows: Places) -> tuple[Places, Places]:
        """Shard and row of each example, as published, (examples,): those that are left, as they are now."""
        if not self._gone.size:
            return shards, rows
        places = self._starts[shards] + rows
        before = np.searchsorted(self._gone, places)
        is_there = np.append(self._gone, -1)[before] != places
        shifted = rows - (before - np.searchsorted(self._gone, self._starts[shards]))
        return shards[is_there], shifted[is_there]
