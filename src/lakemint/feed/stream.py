"""Batches along an order, and where in it a training is: what loaders and mixtures have in common."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from lakemint.feed.arrays import Arrays
from lakemint.feed.receipts import Batch, Reading
from lakemint.feed.walk import Place, Reader, Walk, Way


@dataclass(frozen=True)
class Orders:
    """What is walked: an order, or one for each epoch."""

    of: Callable[[int], Way]
    """Epoch → its order."""
    examples: int
    """Places in each."""
    has_epochs: bool
    """Whether another order follows one that was walked to its end."""


class Stream:
    """Batches from where it is to the end of an order; see `Loader` and `Mixture`."""

    def __init__(self, walk: Walk, orders: Orders, reading: Reading) -> None:
        self._walk, self._orders, self._reading = walk, orders, reading
        self.rank, self.world = walk.cut.rank, walk.cut.world
        """Which of the training's processes this is, and how many there are."""
        self._epoch = self._position = 0
        self._batches, self._waited, self._looped = 0, 0.0, 0.0

    def metrics(self) -> dict[str, float]:
        """Of all loops so far, to be logged beside the loss: batches, and whether the loop waited for them.

        `waited` and `looped`: seconds until a batch was there, and until the next was asked for; `waiting`:
        the first's share of both. `lakemint feed profile` says what to change when that is large.
        """
        seconds = self._waited + self._looped
        waiting = self._waited / seconds if seconds else 0.0
        own = {"waited": self._waited, "looped": self._looped, "waiting": waiting}
        return {"batches": float(self._batches), **own}

    def __iter__(self) -> Iterator[Arrays]:
        way = self._go_on()
        yield from self.told(self._walk.arrays(way, self._position))

    def arrow(self) -> Iterator[pa.RecordBatch]:
        """The same batches as Arrow record batches, before any transform."""
        way = self._go_on()
        yield from self.told(self._walk.arrow(way, self._position))

    def places(self) -> Iterator[Place]:
        """From where it is to the end of the order, a few steps at a time: what a `reader` is told."""
        way, epoch = self._go_on(), self._epoch
        for begin, steps in self._walk.parts(way, self._position):
            yield Place(epoch, begin, steps)

    def reader(self) -> Reader:
        """Reads the batches at any places, here or in another process, and changes nothing here."""
        return Reader(self._walk, self._orders.of)

    def told(self, batches: Iterable[tuple[int, Batch]]) -> Iterator[Batch]:
        """The same batches: the next ones to the end of the order, each with where all ranks are after it.

        It is there before a batch is handed out: who saves the state in the loop has had that batch.
        """
        first, asked = self._epoch * self._orders.examples, time.perf_counter()
        for position, batch in self._reading.noted(batches, self._position, first):
            self._position, given = position, time.perf_counter()
            self._batches, self._waited = self._batches + 1, self._waited + given - asked
            yield batch
            asked = time.perf_counter()
            self._looped += asked - given
        if self._orders.has_epochs:
            self._epoch, self._position = self._epoch + 1, 0

    def _go_on(self) -> Way:
        """The order it is in; the next one, when a loop that knew how long it was left it at its end."""
        if self._orders.has_epochs and self._position and not self._steps_left():
            self._epoch, self._position = self._epoch + 1, 0
        return self._orders.of(self._epoch)

    def _steps_left(self) -> int:
        return self._walk.cut.steps_of(self._orders.examples - self._position)
