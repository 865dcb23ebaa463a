"""One split of a version: its rows in stored order, in shuffled batches, or as a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.gaps import Gaps
from lakemint.feed.loader import Loader
from lakemint.feed.manifest import Shard
from lakemint.feed.order import order_key
from lakemint.feed.receipts import Origin, Run
from lakemint.feed.state import Order
from lakemint.feed.walk import Transform, Way
from lakemint.feed.weights import Rule, Weights, balanced
from lakemint.feed.windows import Windows


class Split:
    """`for batch in split` gives Arrow record batches in stored order; `len(split)` is its rows.

    Made by `lakemint.open`. Shards are fetched and verified when they are first read.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        name: str,
        digest: str,
        shards: tuple[Shard, ...],
        schema: pa.Schema,
        read: Callable[[Shard], pa.RecordBatch],
        origin: Origin | None = None,
    ) -> None:
        self.name = name
        """As in `reviews@1/train`."""
        self.digest = digest
        """Of the manifest that was published: what the order of examples depends on, also after erasures."""
        self.origin = origin
        """What it was opened from, where receipts of reading it go; None when that was no lake."""
        self.schema = schema
        self.gaps = Gaps(shards)
        """Where rows were erased."""
        self.bytes = sum(file.bytes for shard in shards for file in shard.files)
        """Of its files."""
        self.shards, self._read = shards, read
        self.weights: Weights | None = None
        """How often each example comes; None: once an epoch."""

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which reads: what is read is told where the loop is."""
        return {**self.__dict__, "origin": None}

    def __len__(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def __repr__(self) -> str:
        weighted = f", weighted by {self.weights.rule.column}" if self.weights else ""
        return f"<lakemint split {self.name}: {len(self):,} rows, {len(self.shards)} shards{weighted}>"

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """One record batch a shard."""
        return self.batches()

    def batches(self, batch_size: int | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches in stored order, of at most `batch_size` rows; by default one a shard."""
        if batch_size is not None and batch_size < 1:
            raise LakemintError(f"batch_size is {batch_size}; it must be at least 1")
        for index in (number for number, shard in enumerate(self.shards) if shard.rows):
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
        columns: Sequence[str] | None = None,
        numbers: Mapping[str, str] | None = None,
        transform: Transform | None = None,
        threads: int = 2,
        run: Run | None = None,
    ) -> Loader:
        """Batches for training, each a dict of numpy arrays; `loader.arrow()` gives record batches.

        The order is a pure function of the version's digest, `seed`, `window` and the epoch: shards come in a
        random order, and of `window` of them at a time the rows do, so that no more are needed at once; the
        next ones are fetched meanwhile. `batch_size`, `rank` and `world` only cut it. The last two are found
        by themselves under torchrun; give `rank=0, world=1` for all examples in every process.

        Only `columns` are read; by default all. `numbers` names columns of bytes whose values are rows of
        numbers, and their type, as in `{"tokens": "uint16"}`: they come as (examples, numbers) arrays.
        `transform` is called with a batch and a seed for each of its examples, (examples,) uint64, and its
        result is what the loop gets: decode, tokenise or augment there. The seeds follow from the order: what
        is drawn from them is the same on any number of ranks. So many `threads` gather and transform ahead of
        the loop; 0: none, all is done when the loop asks. With a `run`, see `lakemint.run`, what is read
        stands in its receipt. Raises LakemintError for what cannot be.
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
            columns=columns,
            numbers=numbers,
            transform=transform,
            threads=threads,
            run=run,
        )

    def weighted(self, column: str, values: Mapping[Any, float] | None = None) -> "Split":
        """The same split, of which loaders and mixtures give each example as often as it weighs.

            train.weighted("quality")                              # the column's numbers are the weights
            train.weighted("label", {"positive": 2, "neutral": 1})   # others do not come

        An epoch has as many places as there are examples of any weight; each of them comes as often as its
        share says, rounded up or down, in another epoch the other way. All shards are fetched and the column
        is read, at once. Where rows are erased, the shares of the others grow: no state of before goes on.
        Raises WeightsError for what is no weight and a value that no example has, and as reading does.
        """
        return self._weighed(Rule.of(column, values))

    def balanced(self, column: str) -> "Split":
        """As `weighted`, so that every value of the column, such as every label, comes equally often."""
        return self._weighed(balanced(self, column))

    @property
    def places(self) -> int:
        """Of an epoch of its examples."""
        return self.weights.places if self.weights else sum(self.gaps.rows)

    def order(self, seed: int, shuffle: bool, window: int) -> Order:
        """What an order of its examples follows from."""
        version, _, name = self.name.rpartition("/")
        weights = self.weights.digest if self.weights else ""
        return Order(version, self.digest, name, seed, shuffle, window, weights)

    def way(self, order: Order, epoch: int) -> Way:
        """The examples of an epoch, as that order of its own has them."""
        key = order_key(order.digest, order.seed, epoch)
        if self.weights:
            return Way(self.weights.draws(key, order.window, order.shuffle), key, self.places)
        return Way(Windows(self.gaps.rows, order.window, key if order.shuffle else None), key, self.places)

    def shard(self, index: int) -> pa.RecordBatch:
        """All rows of one shard; verified at the first call."""
        return self._read(self.shards[index])

    def _weighed(self, rule: Rule) -> "Split":
        # Rows that are gone weigh nothing that anybody knows.
        shards = tuple(replace(shard, erased=()) for shard in self.shards)
        found = Split(self.name, self.digest, shards, self.schema, self._read, self.origin)
        found.weights = Weights(self, rule)
        return found
