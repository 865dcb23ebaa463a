"""How well the feed shuffles, beside NumPy's permutation of all rows: statistics of what a training notices.

A million rows come in order, from ten sources one after the other, and lie in 128 shards by a hash, as
publishing places them. The feed mixes 16 shards at a time; the peer draws from all rows at once. Each figure
is of an epoch, root mean square over eight seeds; of the pairs of such groups the table has the median ratio.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Measure, against_peer
from lakemint.feed.order import order_key
from lakemint.feed.windows import Windows

ROWS, SHARDS, WINDOW, BATCH, SOURCES, SEEDS = 1_000_000, 128, 16, 256, 10, 8
GROUPS = {"small": 3, "full": 10}
PEER = "numpy's permutation"

Arrivals = NDArray[np.int64]
"""Of an epoch: of each position, which row it was that came, (ROWS,)."""


def measure(size: str) -> list[Measure]:
    shards = np.split(np.argsort(_shard_of(), kind="stable"), np.cumsum(np.bincount(_shard_of()))[:-1])
    groups = [range(at * SEEDS, (at + 1) * SEEDS) for at in range(GROUPS[size])]
    found = {name: list[tuple[float, float]]() for name in FIGURES}
    for seeds in groups:
        ours, theirs = _figures(_ours(shards, seeds)), _figures(_random(seeds))
        for name in FIGURES:
            found[name].append((ours[name], theirs[name]))
    return [against_peer(name, unit, PEER, found[name], **bar) for name, (unit, bar, _) in FIGURES.items()]


def _shard_of() -> Arrivals:
    """Of each row, as if by the hash of its id."""
    return np.random.default_rng(0).integers(0, SHARDS, ROWS)


def _ours(shards: list[Arrivals], seeds: range) -> Iterator[Arrivals]:
    held, begins = np.concatenate(shards), np.cumsum([0, *map(len, shards)])
    for seed in seeds:
        order = Windows([len(one) for one in shards], WINDOW, order_key("ab" * 32, seed, 0))
        places, rows = order(np.arange(ROWS, dtype=np.uint64))
        yield held[begins[places] + rows]


def _random(seeds: range) -> Iterator[Arrivals]:
    for seed in seeds:
        yield np.random.default_rng([1, seed]).permutation(ROWS)


def _figures(epochs: Iterator[Arrivals]) -> dict[str, float]:
    each = [{name: figure(epoch) for name, (_, _, figure) in FIGURES.items()} for epoch in epochs]
    return {name: float(np.sqrt(np.mean([one[name] ** 2 for one in each]))) for name in FIGURES}


def _with_position(epoch: Arrivals) -> float:
    return float(np.corrcoef(np.arange(ROWS), epoch)[0, 1])


def _with_next(epoch: Arrivals) -> float:
    return float(np.corrcoef(epoch[:-1], epoch[1:])[0, 1])


def _batches(epoch: Arrivals) -> Arrivals:
    return epoch[: ROWS // BATCH * BATCH].reshape(-1, BATCH)


def _means(epoch: Arrivals) -> float:
    """Of batches, by how much they differ: what a gradient feels of rows that belong together."""
    return float(_batches(epoch).mean(axis=1).std() / ROWS)


def _sources(epoch: Arrivals) -> float:
    """Chi-squared of the sources in a batch, by its degrees of freedom: 1 is what chance has."""
    sources = _batches(epoch) * SOURCES // ROWS
    counts = np.stack([(sources == one).sum(axis=1) for one in range(SOURCES)], axis=1)
    expected = BATCH / SOURCES
    return float((((counts - expected) ** 2 / expected).sum(axis=1) / (SOURCES - 1)).mean())


def _shards(epoch: Arrivals) -> float:
    """In how many shards the rows of a batch lie."""
    held = np.sort(_shard_of()[_batches(epoch)], axis=1)
    return float((1 + (np.diff(held, axis=1) > 0).sum(axis=1)).mean())


Figure = Callable[[Arrivals], float]
FIGURES: dict[str, tuple[str, dict[str, float], Figure]] = {
    "correlation with the position": ("", {"at_most": 2}, _with_position),
    "correlation with the next": ("", {"at_most": 2}, _with_next),
    "spread of batches' means": ("of all rows", {"at_most": 1.1}, _means),
    "chi-squared of sources in a batch": ("a degree", {"at_most": 1.1}, _sources),
    "shards in a batch": ("", {"at_most": 1}, _shards),
}
"""Name → unit, bar, and how it is worked out."""
