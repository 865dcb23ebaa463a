"""An order of examples, as one rank reads it: from any position on, in steps gathered several at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.gaps import Gaps
from lakemint.feed.gather import gather
from lakemint.feed.order import Rows
from lakemint.feed.prefetch import Prefetch
from lakemint.feed.windows import Places

_ROWS: Final = 8192
_BYTES: Final = 16 * 1024 * 1024
"""Of a block, at most: what a call costs is shared by many examples, and caches nearly hold them."""


@dataclass(frozen=True)
class Cut:
    """How the order is dealt out: to so many ranks, of which this is one, so many examples each at a step."""

    batch_size: int
    rank: int
    world: int
    drop_last: bool

    @property
    def step(self) -> int:
        """Examples of all ranks together."""
        return self.batch_size * self.world

    def steps_of(self, examples: int) -> int:
        """How many it takes to go through so many examples."""
        return examples // self.step if self.drop_last else -(-examples // self.step)


@dataclass(frozen=True)
class Step:
    """What a rank takes at one step."""

    end: int
    """Where all ranks together are after it."""
    examples: pa.RecordBatch
    positions: Rows
    """Of these examples in the epoch's order."""


class Order(Protocol):
    """Which example is at a position."""

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        """Shard, and row in it, at each of these positions, which ascend: (positions,) int64 each."""

    def ahead(self, first: int, last: int) -> list[int]:
        """The shards needed from one position to another, and those needed next."""


class Shelf(Protocol):
    """Shards of examples."""

    @property
    def schema(self) -> pa.Schema: ...
    @property
    def gaps(self) -> Gaps: ...
    @property
    def bytes(self) -> int:
        """Of all shards."""

    def shard(self, index: int) -> pa.RecordBatch: ...


class Epoch:
    """So many examples of a shelf in an order, as `cut` deals them out."""

    def __init__(self, shelf: Shelf, order: Order, examples: int, cut: Cut, schema: pa.Schema) -> None:
        """`schema`: of the columns that are wanted."""
        self._shelf, self._order, self._examples = shelf, order, examples
        self._cut, self._schema = cut, schema
        block = min(_ROWS, _BYTES * sum(shelf.gaps.rows) // max(1, shelf.bytes))
        self._most_steps = max(1, block // cut.batch_size)

    def blocks(self, position: int) -> Iterator[tuple[int, int]]:
        """(where it begins, its steps) of what is to be gathered at a time, from a position to the end."""
        steps = 1  # the first batch need not wait for many others
        while steps := min(self._cut.steps_of(max(0, self._examples - position)), steps):
            yield position, steps
            position += steps * self._cut.step
            steps = min(2 * steps, self._most_steps)

    def read(self, block: tuple[int, int], ahead: Prefetch) -> Iterable[Step]:
        """A block's steps; raises what the first of them raises."""
        begin, steps = block
        try:
            return self._gathered(begin, steps, ahead)
        except LakemintError:
            if steps == 1:
                raise
            each = range(begin, begin + steps * self._cut.step, self._cut.step)
            return (step for one in each for step in self._gathered(one, 1, ahead))  # up to the one to blame

    def _gathered(self, begin: int, steps: int, ahead: Prefetch) -> list[Step]:
        positions, ends = self._share(begin, steps)
        behind = min(begin + steps * self._cut.step, self._examples)
        ahead.want(self._order.ahead(begin, behind - 1))
        is_left, shards, rows = self._shelf.gaps.closed(*self._order(positions))
        if is_left is not None:
            positions, ends = positions[is_left], np.append(0, np.cumsum(is_left))[ends]
        block = gather(shards, rows, ahead.shard, self._schema)
        cuts = [0, *ends.tolist()]
        return [
            Step(
                min(begin + (number + 1) * self._cut.step, self._examples),
                block.slice(first, last - first),
                positions[first:last],
            )
            for number, (first, last) in enumerate(pairwise(cuts))
        ]

    def _share(self, begin: int, steps: int) -> tuple[Rows, Places]:
        """The positions that this rank takes in so many steps, and where those of each end."""
        cut, world = self._cut, np.uint64(self._cut.world)
        firsts = np.arange(begin, begin + steps * cut.step, cut.step, dtype=np.uint64)
        lengths = np.minimum(np.uint64(self._examples) - firsts, np.uint64(cut.step))
        low, high = (firsts + lengths * np.uint64(rank) // world for rank in (cut.rank, cut.rank + 1))
        parts = [np.arange(*ends, dtype=np.uint64) for ends in zip(low, high, strict=True)]
        return np.concatenate(parts), np.cumsum(high - low).astype(np.int64)
