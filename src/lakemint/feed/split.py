"""One split of a version: its rows in stored order, in shuffled batches, or as a table."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.gaps import Gaps
from lakemint.feed.loader import Loader
from lakemint.feed.manifest import Shard
from lakemint.feed.receipts import Origin, Run


class Split:
    """`for batch in split` gives Arrow record batches in stored order; `len(split)` is its rows.

    Made by `lakemint.open`. Shards are fetched and verified when they are first read.
    """

    def __init__(
        self,
        name: str,
        origin: Origin,
        shards: tuple[Shard, ...],
        schema: pa.Schema,
        read: Callable[[Shard], pa.RecordBatch],
    ) -> None:
        self.name = name
        """As in `reviews@1/train`."""
        self.origin = origin
        """Where receipts of reading it go."""
        self.digest = origin.first
        """Of the manifest that was published: what the order of examples depends on, also after erasures."""
        self.schema = schema
        self.gaps = Gaps(shards)
        """Where rows were erased."""
        self._shards, self._read = shards, read

    def __len__(self) -> int:
        return sum(shard.rows for shard in self._shards)

    def __repr__(self) -> str:
        return f"<lakemint split {self.name}: {len(self):,} rows, {len(self._shards)} shards>"

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """One record batch a shard."""
        return self.batches()

    def batches(self, batch_size: int | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches in stored order, of at most `batch_size` rows; by default one a shard."""
        if batch_size is not None and batch_size < 1:
            raise LakemintError(f"batch_size is {batch_size}; it must be at least 1")
        for index in (number for number, shard in enumerate(self._shards) if shard.rows):
            batch = self.shard(index)
            for start in range(0, batch.num_rows, batch_size or batch.num_rows):
                yield batch.slice(start, batch_size)

    def to_table(self) -> pa.Table:
        """All rows in stored order, on mapped memory."""
        return pa.Table.from_batches(list(self), schema=self.schema)

    def loader(  # noqa: PLR0913
        self,
        batch_size: int = 256,
        *,
        seed: int = 0,
        epoch: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        window: int = 16,
        rank: int | None = None,
        world: int | None = None,
        run: Run | None = None,
    ) -> Loader:
        """Batches for training, each a dict of numpy arrays; `loader.arrow()` gives record batches.

        The order is a pure function of the version's digest, `seed`, `window` and the epoch: shards come in a
        random order, and of `window` of them at a time the rows do, so that no more are needed at once; the
        next ones are fetched meanwhile. `batch_size`, `rank` and `world` only cut it. The last two are found
        by themselves under torchrun; give `rank=0, world=1` for all examples in every process. With a `run`,
        see `lakemint.run`, what is read stands in its receipt. Raises LakemintError for what cannot be.
        """
        return Loader(
            self,
            batch_size,
            seed=seed,
            epoch=epoch,
            shuffle=shuffle,
            drop_last=drop_last,
            window=window,
            rank=rank,
            world=world,
            run=run,
        )

    def shard(self, index: int) -> pa.RecordBatch:
        """All rows of one shard; verified at the first call."""
        return self._read(self._shards[index])
