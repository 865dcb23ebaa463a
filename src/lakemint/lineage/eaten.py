"""Which rows of a split a training run was given, worked out from the order that its receipt names."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lakemint.errors import WeightsError
from lakemint.feed.draws import Draws
from lakemint.feed.epoch import Order
from lakemint.feed.gaps import Gaps
from lakemint.feed.order import ALGORITHM, order_key
from lakemint.feed.weights import Rule, Weighable, Weights
from lakemint.feed.windows import Windows
from lakemint.lineage.consumers import PRESENT, UNKNOWN, Consumer
from lakemint.published.ranges import Range, total
from lakemint.published.receipts import WeightsRecord
from lakemint.published.records import ShardRecord
from lakemint.published.shards import Progress

_BLOCK = 1 << 20
"""Places that are worked on at a time: 8 MiB of each array."""

Mask = NDArray[np.bool_]


class Rows(Weighable, Protocol):
    """A split of a version, as it is now."""

    @property
    def shards(self) -> Sequence[ShardRecord]: ...


@dataclass(frozen=True)
class _Walked:
    """The order that a run read in."""

    order: Callable[[int], Order]
    """Epoch → its rows, numbered as the shards count them."""
    places: int
    shards: Sequence[ShardRecord]


def eaten(
    consumer: Consumer,
    split: Rows,
    suspects: Sequence[Mask | None],
    progress: Progress = lambda done, total: None,
) -> int | None:
    """How many of the suspected rows the run was given at least once; None for an order unknown here.

    `suspects`: of each shard which of its rows are, (rows,), or None for none of them. Rows that were erased
    since are not there to be counted; an order by weights that they had is unknown. Where the run read no
    whole epoch, or read by weights, each place that it read is looked at, some 6 million a second, in a byte
    a row; `progress` is told of them. Raises what `split.shard` does.
    """
    count = sum(int(mask.sum()) for mask in suspects if mask is not None)
    if consumer.order.algorithm != ALGORITHM or consumer.revision == UNKNOWN:
        return None
    weights = consumer.order.weights
    walked = _weighed(consumer, split, weights) if weights else _plain(consumer, split)
    if walked is None or consumer.receipts[-1].places != walked.places:
        return None
    is_all = not weights and any(_has_whole_epoch(one, walked.places) for one in consumer.ranges)
    if count and not is_all:
        return count - int(_left(consumer, walked, suspects, progress).sum())
    return count


def _plain(consumer: Consumer, split: Rows) -> _Walked:
    """Each example once an epoch."""
    gaps, order = Gaps(split.shards), consumer.order

    def windows(epoch: int) -> Windows:
        key = order_key(order.digest, order.seed, epoch) if order.shuffle else None
        return Windows(gaps.rows, order.window, key)

    return _Walked(windows, sum(gaps.rows), split.shards)


def _weighed(consumer: Consumer, split: Rows, known: WeightsRecord) -> _Walked | None:
    order = consumer.order
    if consumer.revision != PRESENT:
        return None
    try:
        weights = Weights(split, Rule.of(known.column, None if known.values is None else dict(known.values)))
    except WeightsError:  # whoever wrote the receipt made it up
        return None
    if weights.digest != known.digest:
        return None
    shards = [shard.model_copy(update={"erased": []}) for shard in split.shards]

    def draws(epoch: int) -> Draws:
        return weights.draws(order_key(order.digest, order.seed, epoch), order.window, order.shuffle)

    return _Walked(draws, weights.places, shards)


def _has_whole_epoch(read: Range, rows: int) -> bool:
    return -(-read[0] // rows) < read[1] // rows


def _left(consumer: Consumer, walked: _Walked, suspects: Sequence[Mask | None], progress: Progress) -> Mask:
    """Which rows are suspected that it was not given, of all shards one after the other."""
    gaps, done = Gaps(walked.shards), 0
    starts = np.cumsum([0, *(shard.rows for shard in walked.shards)], dtype=np.int64)
    left = np.zeros(starts[-1], bool)
    for start, mask in zip(starts, suspects, strict=False):
        if mask is not None:
            left[start : start + len(mask)] = mask
    for epoch, begin, end in _parts(consumer.ranges, walked.places):
        order = walked.order(epoch)
        for first in range(begin, end, _BLOCK):
            positions = np.arange(first, min(first + _BLOCK, end), dtype=np.uint64)
            _, there, numbers = gaps.closed(*order(positions))
            left[starts[there] + numbers] = False
            done += len(positions)
            progress(done, total(consumer.ranges))
            if not left.any():
                return left
    return left


def _parts(ranges: Sequence[Range], rows: int) -> Iterator[tuple[int, int, int]]:
    """(epoch, begin, end) of the ranges, cut where epochs end."""
    for begin, end in ranges:
        for epoch in range(begin // rows, -(-end // rows)):
            yield epoch, max(begin - epoch * rows, 0), min(end - epoch * rows, rows)
