"""Batches for a training loop, in an order that is a pure function of digest, seed and epoch."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.order import Rows, order_key
from lakemint.feed.prefetch import Prefetch
from lakemint.feed.ranks import rank_and_world
from lakemint.feed.state import Order, State
from lakemint.feed.windows import Places, Windows

if TYPE_CHECKING:
    from lakemint.feed.receipts import Run
    from lakemint.feed.split import Split

_BLOCK = 65536
"""Positions whose rows are computed at a time: enough for numpy to be fast, 0.5 MiB of them."""

Arrays = dict[str, np.ndarray[Any, Any]]
"""Column → its values: numbers as they are stored, text and bytes as objects. A null is None, in a column of
floating-point numbers NaN: a batch with nulls gives its integers as objects."""


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
        seed: int,
        epoch: int,
        shuffle: bool,
        drop_last: bool,
        window: int,
        rank: int | None = None,
        world: int | None = None,
        run: "Run | None" = None,
    ) -> None:
        if batch_size < 1:
            raise LakemintError(f"batch_size is {batch_size}; it must be at least 1")
        if window < 1:
            raise LakemintError(f"window is {window}; it must be at least 1")
        self._split, self._batch_size, self._drop_last = split, batch_size, drop_last
        self.rank, self.world = rank_and_world(rank, world)
        """Which of the training's processes this is, and how many there are."""
        version, _, name = split.name.rpartition("/")
        self._order = Order(version, split.digest, name, seed, shuffle, window)
        self.epoch = epoch
        """Of which the next example is; set it, and the next loop begins that epoch."""
        self._rows = sum(split.gaps.rows)
        """Places in an epoch's order: as many as rows were published."""
        self._receipt = None
        if run is not None and self.rank == 0:
            self._receipt = run.receipt(split.origin, self._order, self._rows, self.world)

    @property
    def epoch(self) -> int:
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch, self._position = epoch, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self._steps_behind(0)

    def state_dict(self) -> dict[str, Any]:
        """Where this is, as JSON can hold it, in less than 1 KB: the same for all ranks after a step.

        What its run has read so far is written down, too.
        """
        if self._receipt is not None:
            self._receipt.save()
        if self._steps_behind(self._position):
            return State(self._order, self._epoch, self._position).plain()
        return State(self._order, self._epoch + 1, 0).plain()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a loader was, at once, whatever its batch size was and however many ranks there were.

        Raises LakemintError, saying what differs, when it was of another version, split, seed or order.
        """
        known = State.of(state, self._order, self._rows)
        self._epoch, self._position = known.epoch, known.position

    def __iter__(self) -> Iterator[Arrays]:
        for batch in self.arrow():
            columns = zip(batch.schema.names, batch.columns, strict=True)
            yield {name: _values(column) for name, column in columns}

    def arrow(self) -> Iterator[pa.RecordBatch]:
        """The same batches as Arrow record batches."""
        windows, receipt = self._windows(), self._receipt
        if receipt is not None:
            receipt.begin()
        with Prefetch(self._split.shard) as ahead:
            while count := min(self._steps_behind(self._position), max(1, _BLOCK // self._batch_size)):
                begin, step = self._position, self._batch_size * self.world
                positions, cuts = self._share(begin, count)
                places = (np.split(one, cuts) for one in windows(positions))
                for number, (shards, rows) in enumerate(zip(*places, strict=True), start=1):
                    end = min(begin + number * step, self._rows)
                    ahead.want(windows.ahead(begin + (number - 1) * step, end - 1))
                    batch = self._gather(*self._split.gaps.closed(shards, rows), ahead)
                    # Told before it is handed out: who saves the state in the loop has had this batch.
                    self._position = end
                    if receipt is not None:
                        receipt.read(self._epoch, begin + (number - 1) * step, end)
                    yield batch
        if receipt is not None:
            receipt.save()
        self.epoch += 1

    def _share(self, begin: int, count: int) -> tuple[Rows, Places]:
        """The positions that this rank takes in so many steps, and where those of each later step begin."""
        step = self._batch_size * self.world
        firsts = np.arange(begin, begin + count * step, step, dtype=np.uint64)
        lengths = np.minimum(np.uint64(self._rows) - firsts, np.uint64(step))
        low, high = (
            firsts + lengths * np.uint64(rank) // np.uint64(self.world) for rank in (self.rank, self.rank + 1)
        )
        parts = [np.arange(*ends, dtype=np.uint64) for ends in zip(low, high, strict=True)]
        return np.concatenate(parts), np.cumsum(high - low)[:-1].astype(np.int64)

    def _steps_behind(self, position: int) -> int:
        """How many steps are left of an epoch."""
        step, left = self._batch_size * self.world, max(0, self._rows - position)
        return left // step if self._drop_last else -(-left // step)

    def _windows(self) -> Windows:
        order = self._order
        key = order_key(order.digest, order.seed, self._epoch) if order.shuffle else None
        return Windows(self._split.gaps.rows, order.window, key)

    def _gather(self, shards: Places, rows: Places, ahead: Prefetch) -> pa.RecordBatch:
        """The rows, in their order: one Arrow `take` a shard, since a take over chunks is slow."""
        by_shard = np.argsort(shards, kind="stable")
        there, begins = np.unique(shards[by_shard], return_index=True)
        picked = np.split(rows[by_shard], begins[1:])
        pieces = [
            ahead.shard(shard).take(pa.array(some))
            for shard, some in zip(there.tolist(), picked, strict=False)
        ]
        if len(pieces) == 1:
            return pieces[0]
        if not pieces:
            return pa.RecordBatch.from_pylist([], self._split.schema)
        back = np.empty(len(rows), dtype=np.int64)
        back[by_shard] = np.arange(len(rows))
        return pa.concat_batches(pieces).take(pa.array(back))


def _values(column: pa.Array) -> np.ndarray[Any, Any]:
    if column.null_count and pa.types.is_integer(column.type):
        # NumPy would make floats of them, which large integers do not survive.
        return np.array(column.to_pylist(), dtype=object)
    values: np.ndarray[Any, Any] = column.to_numpy(zero_copy_only=False)
    return values
