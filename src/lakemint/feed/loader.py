"""Batches for a training loop, in an order that is a pure function of digest, seed and epoch."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays
from lakemint.feed.order import order_key
from lakemint.feed.receipts import Batch, Part, reading
from lakemint.feed.state import State
from lakemint.feed.walk import Walk, Way
from lakemint.feed.windows import Windows

if TYPE_CHECKING:
    from lakemint.feed.receipts import Run
    from lakemint.feed.split import Split


class Loader:
    """Endless epochs over a split, one a loop; of each, the share of one rank.

    `for batch in loader` goes through the rest of the epoch it is in, and the next loop through the next
    epoch, in an order of its own. Leave a loop early, and the next one goes on where it was left. All ranks
    make the same number of steps. At each they take the next `batch_size` x `world` examples of one order
    that no number of ranks, batches or restarts changes; what is left for the last step of an epoch is dealt
    out evenly, so that some ranks may get an empty batch, unless `drop_last`.
    """

    def __init__(  # noqa: PLR0913
        self,
        split: "Split",
        batch_size: int,
        *,
        seed: int = 0,
        epoch: int = 0,
        shuffle: bool = True,
        window: int = 16,
        run: "Run | None" = None,
        **walk: Any,
    ) -> None:
        """As `Split.loader`; `walk`: as `Walk` takes it."""
        if window < 1:
            raise LakemintError(f"window is {window}; it must be at least 1")
        self._walk = Walk(split, batch_size, **walk)
        self.rank, self.world = self._walk.cut.rank, self._walk.cut.world
        """Which of the training's processes this is, and how many there are."""
        self._order = split.order(seed, shuffle, window)
        self.epoch = epoch
        """Of which the next example is; set it, and the next loop begins that epoch."""
        self._shards = split.gaps.rows
        self._rows = sum(self._shards)
        """Places in an epoch's order: as many as rows were published."""
        self._reading = reading(run, [Part(split, self._order)], self._walk.cut)

    @property
    def epoch(self) -> int:
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch, self._position = epoch, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self._walk.cut.steps_of(self._rows)

    def state_dict(self) -> dict[str, Any]:
        """Where this is, as JSON can hold it, in less than 1 KB: the same for all ranks after a step.

        What its run has read so far is written down, too.
        """
        self._reading.save()
        if self._walk.cut.steps_of(self._rows - self._position):
            return State(self._order, self._epoch, self._position).plain()
        return State(self._order, self._epoch + 1, 0).plain()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a loader was, at once, whatever its batch size was and however many ranks there were.

        Raises LakemintError, saying what differs, when it was of another version, split, seed or order.
        """
        known = State.of(state, self._order, self._rows)
        self._epoch, self._position = known.epoch, known.position

    def __iter__(self) -> Iterator[Arrays]:
        for position, batch in self._noted(self._walk.arrays(self._way(), self._position)):
            self._position = position  # before it is handed out: who saves the state in the loop has had it
            yield batch
        self.epoch += 1

    def arrow(self) -> Iterator[pa.RecordBatch]:
        """The same batches as Arrow record batches, before any transform."""
        for position, batch in self._noted(self._walk.arrow(self._way(), self._position)):
            self._position = position
            yield batch
        self.epoch += 1

    def _noted(self, batches: Iterator[tuple[int, Batch]]) -> Iterator[tuple[int, Batch]]:
        return self._reading.noted(batches, self._position, self._epoch * self._rows)

    def _way(self) -> Way:
        key = order_key(self._order.digest, self._order.seed, self._epoch)
        order = Windows(self._shards, self._order.window, key if self._order.shuffle else None)
        return Way(order, key, self._rows)
