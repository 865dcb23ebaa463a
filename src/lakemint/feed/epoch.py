"""An order of examples, as one rank reads it: from any position on, in steps gathered several at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.gaps import Gaps
from lakemint.feed.gather import gather
from lakemint.feed.order import Rows
from lakemint.feed.prefetch import Prefetch
from lakemint.feed.windows import Places

_ROWS: Final = 65_536
"""Examples whose places are computed at a time, at most: enough for NumPy to be fast."""
_BYTES: Final = 4 * 1024 * 1024
"""Of those that are gathered at a time, or so: what a call costs is shared by many, and caches hold them."""


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


@dataclass(frozen=True)
class Block:
    """Steps whose examples are gathered at once."""

    begin: int
    """Where all ranks together are before it."""
    ends: Sequence[int]
    """And after each step."""
    cuts: Sequence[int]
    """Where each step's examples begin in what follows, and the last one's end."""
    positions: Rows
    shards: Places
    rows: Places

    def split(self, steps: int) -> "list[Block]":
        """The same, so many steps at a time."""
        return [self._part(first, first + steps) for first in range(0, len(self.ends), steps)]

    def _part(self, first: int, last: int) -> "Block":
        cuts = self.cuts[first : last + 1]
        held = slice(cuts[0], cuts[-1])
        return Block(
            self.ends[first - 1] if first else self.begin,
            self.ends[first:last],
            [cut - cuts[0] for cut in cuts],
            self.positions[held],
            self.shards[held],
            self.rows[held],
        )


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
        self._longest = max(1, _ROWS // cut.batch_size)
        """Steps that are planned at a time."""
        self._block = max(1, _BYTES * sum(shelf.gaps.rows) // max(1, shelf.bytes) // cut.batch_size)
        """Steps that are gathered at a time."""

    def chunks(self, position: int) -> Iterator[tuple[int, int]]:
        """(where it begins, its steps) of what is planned at a time, from a position to the end."""
        return self._parts(position, self._longest)

    def parts(self, position: int) -> Iterator[tuple[int, int]]:
        """The same of what is gathered at a time: `blocks` gives one for each."""
        return self._parts(position, min(self._longest, self._block))

    def _parts(self, position: int, longest: int) -> Iterator[tuple[int, int]]:
        steps = 1  # the first batch need not wait for many others
        while steps := min(self._cut.steps_of(max(0, self._examples - position)), steps):
            yield position, steps
            position += steps * self._cut.step
            steps = min(2 * steps, longest)

    def blocks(self, chunk: tuple[int, int]) -> list[Block]:
        """Where a chunk's examples are."""
        begin, steps = chunk
        positions, cuts = self._share(begin, steps)
        is_left, shards, rows = self._shelf.gaps.closed(*self._order(positions))
        if is_left is not None:
            positions, cuts = positions[is_left], np.append(0, np.cumsum(is_left))[cuts]
        ends = np.minimum(begin + np.arange(1, steps + 1) * self._cut.step, self._examples)
        return Block(begin, ends.tolist(), cuts.tolist(), positions, shards, rows).split(self._block)

    def read(self, block: Block, ahead: Prefetch) -> Iterable[Step]:
        """A block's steps; raises what the first of them raises."""
        try:
            return self._gathered(block, ahead)
        except LakemintError:
            if len(block.ends) == 1:
                raise
            return self._up_to_the_one_to_blame(block, ahead)

    def _up_to_the_one_to_blame(self, block: Block, ahead: Prefetch) -> Iterable[Step]:
        """Gathered now: later, the next block's shards would be wanted, and not these any more."""
        steps: list[Step] = []
        for one in block.split(1):
            try:
                steps += self._gathered(one, ahead)
            except LakemintError as error:
                return chain(steps, _raised(error))
        return steps

    def _gathered(self, block: Block, ahead: Prefetch) -> list[Step]:
        ahead.want(self._order.ahead(block.begin, block.ends[-1] - 1))
        examples = gather(block.shards, block.rows, ahead.shard, self._schema)
        parts = (slice(*ends) for ends in pairwise(block.cuts))
        return [
            Step(end, examples.slice(part.start, part.stop - part.start), block.positions[part])
            for end, part in zip(block.ends, parts, strict=True)
        ]

    def _share(self, begin: int, steps: int) -> tuple[Rows, Places]:
        """The positions that this rank takes in so many steps; where those of each begin, and all end."""
        cut, world = self._cut, np.uint64(self._cut.world)
        firsts = np.arange(begin, begin + steps * cut.step, cut.step, dtype=np.uint64)
        lengths = np.minimum(np.uint64(self._examples) - firsts, np.uint64(cut.step))
        low, high = (firsts + lengths * np.uint64(rank) // world for rank in (cut.rank, cut.rank + 1))
        parts = [np.arange(*ends, dtype=np.uint64) for ends in zip(low, high, strict=True)]
        return np.concatenate(parts), np.append(0, np.cumsum(high - low)).astype(np.int64)


def _raised(error: Exception) -> Iterator[Step]:
    """When somebody comes so far."""
    raise error
    yield
