"""Batches for a training loop, in an order that is a pure function of digest, seed and epoch."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lakemint.errors import LakemintError
from lakemint.feed.receipts import Part, reading
from lakemint.feed.state import State
from lakemint.feed.stream import Orders, Stream
from lakemint.feed.walk import Walk

if TYPE_CHECKING:
    from lakemint.feed.receipts import Run
    from lakemint.feed.split import Split


class Loader(Stream):
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
        self._order = split.order(seed, shuffle, window)
        made = Walk(split, batch_size, **walk)
        orders = Orders(partial(split.way, self._order), split.places, has_epochs=True)
        super().__init__(made, orders, reading(run, [Part(split, self._order)], made.cut))
        self.epoch = epoch
        """Of which the next example is; set it, and the next loop begins that epoch."""

    @property
    def epoch(self) -> int:
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch, self._position = epoch, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self._walk.cut.steps_of(self._orders.examples)

    def state_dict(self) -> dict[str, Any]:
        """Where this is, as JSON can hold it, in less than 1 KB: the same for all ranks after a step.

        What its run has read so far is written down, too.
        """
        self._reading.save()
        if self._steps_left():
            return State(self._order, self._epoch, self._position).plain()
        return State(self._order, self._epoch + 1, 0).plain()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a loader was, at once, whatever its batch size was and however many ranks there were.

        Raises LakemintError, saying what differs, when it was of another version, split, seed or order.
        """
        known = State.of(state, self._order, self._orders.examples)
        self._epoch, self._position = known.epoch, known.position
