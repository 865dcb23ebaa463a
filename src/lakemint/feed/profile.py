"""Where the time of loading goes: each stage timed by itself, one after the other, and what to change."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays, arrays_of, chosen, numbers_in
from lakemint.feed.epoch import Block, Cut, Epoch, Step
from lakemint.feed.order import seeds
from lakemint.feed.prefetch import Prefetch
from lakemint.feed.walk import Transform

if TYPE_CHECKING:
    from lakemint.feed.split import Split

STAGES: Final = ("fetch", "order", "gather", "arrays", "transform", "loop")
"""Waiting for shards, from the store or the cache, verified; which example is where; copying the rows of a
batch together; making arrays of them; the transform; and what the training loop does with the batch."""
_ADVICE: Final = {
    "fetch": "shards are waited for: keep the cache (LAKEMINT_CACHE) on a fast disk, large enough that the "
    "next epoch finds them (LAKEMINT_CACHE_SIZE); a larger window fetches more of them ahead",
    "order": "batches are so small that finding the examples takes longest: a larger batch_size shares that",
    "gather": "copying rows together takes longest, as it should: name only the columns that you need",
    "arrays": "making Python objects of text and bytes takes longest: name only the columns that you need, "
    "numbers={'tokens': 'uint16'} for rows of numbers, or take loader.arrow(), which makes none",
    "transform": "the transform takes longest: as many threads as there are cores run it side by side",
    "loop": "your loop takes longest: loading is hidden behind it",
}


@dataclass(frozen=True)
class Profile:
    """What was measured."""

    name: str
    """Of the split, as in `reviews@1/train`."""
    examples: int
    bytes: int
    """Of the batches' Arrow buffers."""
    seconds: Mapping[str, float]
    """Of each stage; all on one thread."""
    loader: float
    """Examples a second of the loader itself, which does most of it ahead of the loop."""
    longest: str = field(init=False)
    """The stage that takes longest."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "longest", max(STAGES, key=self.seconds.__getitem__))

    @property
    def advice(self) -> str:
        """What to change, if anything."""
        return _ADVICE[self.longest]


def profile(  # noqa: PLR0913
    split: "Split",
    batch_size: int = 256,
    *,
    seconds: float = 5.0,
    seed: int = 0,
    window: int = 16,
    columns: Sequence[str] | None = None,
    numbers: Mapping[str, str] | None = None,
    transform: Transform | None = None,
    loop: Callable[[Arrays], Any] | None = None,
) -> Profile:
    """Load for so many seconds stage by stage, and again by a loader; `loop` is called with each batch.

    The rest is as `Split.loader` takes it. Raises LakemintError for an empty split and what the loader
    raises.
    """
    if not len(split):
        raise LakemintError(f"{split.name} has no examples to measure by")
    stages = _Stages(split, batch_size, seed, window, columns, numbers)
    measured = stages.run(seconds, transform, loop)
    loader = split.loader(
        batch_size, seed=seed, window=window, columns=columns, numbers=numbers, transform=transform
    )
    return Profile(split.name, *measured, _rate(loader, seconds, loop))


class _Stages:
    """One after the other, each with a stopwatch."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        split: "Split",
        batch_size: int,
        seed: int,
        window: int,
        columns: Sequence[str] | None,
        numbers: Mapping[str, str] | None,
    ) -> None:
        self._split, self._seed, self._window = split, seed, window
        self._cut = Cut(batch_size, 0, 1, drop_last=False)
        self._schema = chosen(split.schema, columns)
        self._numbers = numbers_in(self._schema, numbers or {})
        self._seconds = dict.fromkeys(STAGES, 0.0)

    def run(
        self, seconds: float, transform: Transform | None, loop: Callable[[Arrays], Any] | None
    ) -> tuple[int, int, dict[str, float]]:
        """Examples, bytes, and the seconds of each stage."""
        ends, examples, size = time.perf_counter() + seconds, 0, 0
        for key, step in self._steps():
            with self._timed("arrays"):
                batch = arrays_of(step.examples, self._numbers)
            if transform:
                with self._timed("transform"):
                    batch = transform(batch, seeds(key, step.positions))
            if loop:
                with self._timed("loop"):
                    loop(batch)
            examples, size = examples + step.examples.num_rows, size + step.examples.nbytes
            if time.perf_counter() > ends:
                break
        return examples, size, self._seconds

    def _steps(self) -> Iterator[tuple[bytes, Step]]:
        """Epoch after epoch, each with its key."""
        order, number = self._split.order(self._seed, True, self._window), 0
        with Prefetch(self._split.shard) as ahead:
            while True:
                way = self._split.way(order, number)
                epoch = Epoch(self._split, way.order, way.examples, self._cut, self._schema)
                for block in self._blocks(epoch):
                    with self._timed("fetch"):
                        ahead.want(way.order.ahead(block.begin, block.ends[-1] - 1))
                        for shard in np.unique(block.shards).tolist():
                            ahead.shard(shard)
                    with self._timed("gather"):
                        steps = [*epoch.read(block, ahead)]
                    for step in steps:
                        yield way.key, step
                number += 1

    def _blocks(self, epoch: Epoch) -> Iterator[Block]:
        for chunk in epoch.chunks(0):
            with self._timed("order"):
                blocks = epoch.blocks(chunk)
            yield from blocks

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] += time.perf_counter() - began


def _rate(loader: Any, seconds: float, loop: Callable[[Arrays], Any] | None) -> float:
    """Examples a second."""
    began, examples = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for batch in loader:
            examples += len(next(iter(batch.values())))
            if loop:
                loop(batch)
            if time.perf_counter() - began > seconds:
                break
    return examples / (time.perf_counter() - began)
