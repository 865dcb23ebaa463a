"""Batches along an order, from any position on: gathered, made arrays and transformed ahead of the loop."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays, arrays_of, chosen, numbers_in
from lakemint.feed.epoch import Cut, Epoch, Order, Shelf, Step
from lakemint.feed.order import seeds
from lakemint.feed.pipeline import in_order, threads
from lakemint.feed.prefetch import Prefetch
from lakemint.feed.ranks import rank_and_world

Transform = Callable[[Arrays, NDArray[np.uint64]], Arrays]
"""Of a batch, and a seed for each of its examples, makes what the loop gets."""
_Batch = TypeVar("_Batch")


@dataclass(frozen=True)
class Way:
    """An order of examples, so many in all, and the key of their seeds."""

    order: Order
    key: bytes
    examples: int


class Place(NamedTuple):
    """So many steps of an epoch, from a position on."""

    epoch: int
    position: int
    steps: int


class Walk:
    """How batches of the shelf's examples are made: their size, columns, and what comes of them."""

    def __init__(  # noqa: PLR0913
        self,
        shelf: Shelf,
        batch_size: int,
        *,
        drop_last: bool = False,
        rank: int | None = None,
        world: int | None = None,
        columns: Sequence[str] | None = None,
        numbers: Mapping[str, str] | None = None,
        transform: Transform | None = None,
        threads: int = 2,
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("threads", threads, 0)):
            if value < least:
                raise LakemintError(f"{name} is {value}; it must be at least {least}")
        self.cut = Cut(batch_size, *rank_and_world(rank, world), drop_last)
        self._shelf, self._transform, self._threads = shelf, transform, threads
        self._schema = chosen(shelf.schema, columns)
        self._numbers = numbers_in(self._schema, numbers or {})

    def arrays(self, way: Way, position: int) -> Iterator[tuple[int, Arrays]]:
        """Where all ranks are after it, and the batch; from a position to the end of the order."""

        def made(step: Step) -> tuple[Step, Arrays]:
            return step, self._made(way, step)

        with threads(self._threads if self._transform else 0) as pool:
            yield from self._steps(way, position, lambda steps: in_order(pool, made, steps, self._threads))

    def arrow(self, way: Way, position: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The same as Arrow record batches, before any transform."""
        yield from self._steps(way, position, lambda steps: ((step, step.examples) for step in steps))

    def parts(self, way: Way, position: int) -> Iterator[tuple[int, int]]:
        """Where steps that are read at once begin, and how many they are; to the end of the order."""
        return self._epoch(way).parts(position)

    def shard(self, index: int) -> pa.RecordBatch:
        """Of the shelf."""
        return self._shelf.shard(index)

    def read(self, way: Way, place: Place, ahead: Prefetch) -> list[tuple[int, Arrays]]:
        """The batches there, as `arrays` gives them, but at once and all in this thread."""
        epoch = self._epoch(way)
        (block,) = epoch.blocks((place.position, place.steps))
        return [(step.end, self._made(way, step)) for step in epoch.read(block, ahead)]

    def _epoch(self, way: Way) -> Epoch:
        return Epoch(self._shelf, way.order, way.examples, self.cut, self._schema)

    def _made(self, way: Way, step: Step) -> Arrays:
        arrays = arrays_of(step.examples, self._numbers)
        return self._transform(arrays, seeds(way.key, step.positions)) if self._transform else arrays

    def _steps(
        self, way: Way, position: int, each: Callable[[Iterable[Step]], Iterable[tuple[Step, _Batch]]]
    ) -> Iterator[tuple[int, _Batch]]:
        epoch = self._epoch(way)
        with Prefetch(self._shelf.shard) as ahead, threads(min(1, self._threads)) as gatherer:
            read = partial(epoch.read, ahead=ahead)
            plans = in_order(gatherer, epoch.blocks, epoch.chunks(position), 1)
            gathered = in_order(gatherer, read, chain.from_iterable(plans), 1)
            for step, batch in each(chain.from_iterable(gathered)):
                yield step.end, batch


class Reader:
    """The batches at any places, each from its place alone, in any process."""

    def __init__(self, walk: Walk, ways: Callable[[int], Way]) -> None:
        """`ways`: epoch → its order."""
        self._walk, self._ways = walk, ways
        self._ahead: Prefetch | None = None
        self._known: tuple[int, Way] | None = None

    def __call__(self, place: Place) -> list[tuple[int, Arrays]]:
        """Each batch, with where all ranks are after it; quick when the places go on along the order."""
        if self._ahead is None:
            self._ahead = Prefetch(self._walk.shard)
        if self._known is None or self._known[0] != place.epoch:
            self._known = place.epoch, self._ways(place.epoch)
        return self._walk.read(self._known[1], place, self._ahead)

    def __reduce__(self) -> tuple[object, ...]:
        """In another process it reads by itself."""
        return Reader, (self._walk, self._ways)
