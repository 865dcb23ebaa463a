"""What erasures left: an order that goes on as it was, without the examples that are gone."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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

    def closed(self, shards: Places, rows: Places) -> tuple[NDArray[np.bool_] | None, Places, Places]:
        """Of examples with this shard and row as published, (examples,) each: which are left, where not all
        are; and shard and row of those as they are now."""
        if not self._gone.size:
            return None, shards, rows
        places = self._starts[shards] + rows
        before = np.searchsorted(self._gone, places)
        is_left = np.append(self._gone, -1)[before] != places
        shifted = rows - (before - np.searchsorted(self._gone, self._starts[shards]))
        return is_left, shards[is_left], shifted[is_left]
