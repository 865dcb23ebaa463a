"""Batches of several splits' examples, in exact proportions, and resumed at any of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from lakemint.errors import LakemintError
from lakemint.feed.arrays import chosen
from lakemint.feed.blend import Stage, Stages, parts_of
from lakemint.feed.epoch import Order
from lakemint.feed.gaps import Gaps
from lakemint.feed.order import ALGORITHM, Rows
from lakemint.feed.receipts import Part, reading
from lakemint.feed.split import Split
from lakemint.feed.state import require_state, whole_number
from lakemint.feed.stream import Orders, Stream
from lakemint.feed.walk import Walk, Way
from lakemint.feed.windows import Places

if TYPE_CHECKING:
    from lakemint.feed.receipts import Run

FORMAT: Final = "lakemint.mixture-state/1"


class Mixture(Stream):
    """`for batch in mixture` gives batches of all sources' examples; leave the loop when you have enough.

    Each source is walked epoch after epoch in the order that its own loader would have, and the sources take
    turns so that their proportions are exact, not only on average. Ranks, restarts and batch sizes cut one
    order, as they do for a loader.
    """

    def __init__(  # noqa: PLR0913
        self,
        sources: Mapping[str, Split],
        weights: Mapping[str, float] | Sequence[Stage],
        batch_size: int = 256,
        *,
        seed: int = 0,
        shuffle: bool = True,
        window: int = 16,
        columns: Sequence[str] | None = None,
        run: "Run | None" = None,
        **walk: Any,
    ) -> None:
        """`weights`: of each source by its name, or stages that follow each other, each with its own.

        The rest is as `Split.loader` takes it. Raises LakemintError for what cannot be: no source, an empty
        one, columns that differ, weights that name no source.
        """
        stages = [Stage(weights)] if isinstance(weights, Mapping) else [*weights]
        shelf = _Shelf(sources, columns)
        made = Walk(shelf, batch_size, columns=columns, **walk)
        self._digest = _digest_of(sources, stages, seed, shuffle, window)
        key = hashlib.sha256(self._digest.encode()).digest()
        turns = Stages(stages, [*sources], key)
        order = _Order([*sources.values()], turns, seed, window, shuffle)
        orders = Orders(partial(_only, Way(order, key, turns.examples)), turns.examples, has_epochs=False)
        parts = [
            Part(split, split.order(seed, shuffle, window), f"{self._digest}/{at}", partial(turns.turn, at))
            for at, split in enumerate(sources.values())
        ]
        super().__init__(made, orders, reading(run, parts, made.cut))

    def state_dict(self) -> dict[str, Any]:
        """Where this is, as JSON can hold it, in less than 1 KB: the same for all ranks after a step.

        What its run has read so far is written down, too.
        """
        self._reading.save()
        return {"format": FORMAT, "mixture": self._digest, "position": self._position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a mixture was, at once, whatever its batch size was and however many ranks there were.

        Raises LakemintError when it was of other sources, weights, seed or order.
        """
        require_state(state, FORMAT)
        if state.get("mixture") != self._digest:
            raise LakemintError(
                "the state is of a mixture of other versions, splits, weights, seed or order: make one like "
                "it, or begin anew"
            )
        self._position = whole_number(state, "position", self._orders.examples)


def _only(whole: Way, _epoch: int) -> Way:
    """A mixture has no epochs of its own."""
    return whole


class _Shelf:
    """The shards of all sources, one source's after the other's."""

    def __init__(self, sources: Mapping[str, Split], columns: Sequence[str] | None) -> None:
        if not sources:
            raise LakemintError("a mixture needs a source at least")
        if empty := [name for name, split in sources.items() if not len(split)]:
            raise LakemintError(f"source {empty[0]}: {sources[empty[0]].name} has no examples")
        (first, self.schema), *others = (
            (name, chosen(split.schema, columns)) for name, split in sources.items()
        )
        for name, schema in others:
            if schema != self.schema:
                raise LakemintError(
                    f"the sources {first} and {name} have other columns, {_told(self.schema)} and "
                    f"{_told(schema)}: name those to read, as columns=['text']"
                )
        self.gaps = Gaps([shard for split in sources.values() for shard in split.shards])
        self.bytes = sum(split.bytes for split in sources.values())
        self._places = [(split, at) for split in sources.values() for at in range(len(split.shards))]

    def shard(self, index: int) -> pa.RecordBatch:
        split, at = self._places[index]
        return split.shard(at)


class _Order:
    """Of the examples of all sources, by their shards on the shelf."""

    def __init__(
        self, splits: Sequence[Split], stages: Stages, seed: int, window: int, shuffle: bool
    ) -> None:
        self._splits, self._stages = splits, stages
        self._made_of = splits, stages, seed, window, shuffle
        self._rows = [split.places for split in splits]
        self._begins = np.cumsum([0, *(len(split.shards) for split in splits)])

        @lru_cache(maxsize=2 * len(splits))
        def own(source: int, epoch: int) -> Order:
            split = splits[source]
            return split.way(split.order(seed, shuffle, window), epoch).order

        self._own = own

    def __reduce__(self) -> tuple[object, ...]:
        return _Order, self._made_of

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        sources, turns = self._stages(positions)
        shards, rows = np.empty_like(sources), np.empty_like(sources)
        for source in np.unique(sources).tolist():
            own = np.flatnonzero(sources == source)
            epochs = turns[own] // self._rows[source]
            for part in np.split(own, np.flatnonzero(np.diff(epochs)) + 1):
                epoch, first = divmod(int(turns[part[0]]), self._rows[source])
                at = turns[part] - turns[part[0]] + first
                there, rows[part] = self._own(source, epoch)(at.astype(np.uint64))
                shards[part] = there + self._begins[source]
        return shards, rows

    def ahead(self, first: int, last: int) -> list[int]:
        begins, ends = self._stages.before(first), self._stages.before(last + 1)
        wanted: list[int] = []
        for source, rows in enumerate(self._rows):
            begin, end = int(begins[source]), max(int(begins[source]), int(ends[source]) - 1)
            for epoch in range(begin // rows, end // rows + 1):
                ends_at = min(end, (epoch + 1) * rows - 1)
                there = self._own(source, epoch).ahead(max(begin - epoch * rows, 0), ends_at - epoch * rows)
                wanted += [shard + int(self._begins[source]) for shard in there]
        return wanted


def _told(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _source(split: Split) -> list[str]:
    return [split.digest, split.name.rpartition("/")[2], *([split.weights.digest] if split.weights else [])]


def _digest_of(
    sources: Mapping[str, Split], stages: Sequence[Stage], seed: int, shuffle: bool, window: int
) -> str:
    content = {
        "sources": [_source(split) for split in sources.values()],
        "stages": [[stage.examples, parts_of(stage.weights, [*sources])] for stage in stages],
        "seed": seed,
        "shuffle": shuffle,
        "window": window,
        "algorithm": ALGORITHM,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
