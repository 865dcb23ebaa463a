"""Which rows of a split a training run was given, worked out from the order that its receipt names."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lakemint.feed.gaps import Gaps
from lakemint.feed.order import ALGORITHM, order_key
from lakemint.feed.windows import Windows
from lakemint.lineage.consumers import UNKNOWN, Consumer
from lakemint.published.ranges import Range, total
from lakemint.published.records import ShardRecord
from lakemint.published.shards import Progress

_BLOCK = 1 << 20
"""Places that are worked on at a time: 8 MiB of each array."""

Mask = NDArray[np.bool_]


def eaten(
    consumer: Consumer,
    shards: Sequence[ShardRecord],
    suspects: Sequence[Mask | None],
    progress: Progress = lambda done, total: None,
) -> int | None:
    """How many of the suspected rows the run was given at least once; None for an order unknown here.

    `suspects`: of each shard which of its rows are, (rows,), or None for none of them. Rows that were erased
    since are not there to be counted. Where the run read no whole epoch, each place that it read is looked
    at, some 6 million a second, in a byte a row; `progress` is told of them.
    """
    count = sum(int(mask.sum()) for mask in suspects if mask is not None)
    rows = sum(shard.rows + len(shard.erased) for shard in shards)
    is_known = consumer.order.algorithm == ALGORITHM and consumer.revision != UNKNOWN
    if not is_known or consumer.receipts[-1].places != rows:
        return None
    if count and not any(_has_whole_epoch(one, rows) for one in consumer.ranges):
        return count - int(_left(consumer, shards, suspects, progress).sum())
    return count


def _has_whole_epoch(read: Range, rows: int) -> bool:
    return -(-read[0] // rows) < read[1] // rows


def _left(
    consumer: Consumer, shards: Sequence[ShardRecord], suspects: Sequence[Mask | None], progress: Progress
) -> Mask:
    """Which rows are suspected that it was not given, of all shards one after the other."""
    gaps, order, done = Gaps(shards), consumer.order, 0
    starts = np.cumsum([0, *(shard.rows for shard in shards)], dtype=np.int64)
    left = np.zeros(starts[-1], bool)
    for start, mask in zip(starts, suspects, strict=False):
        if mask is not None:
            left[start : start + len(mask)] = mask
    for epoch, begin, end in _parts(consumer.ranges, sum(gaps.rows)):
        key = order_key(order.digest, order.seed, epoch) if order.shuffle else None
        windows = Windows(gaps.rows, order.window, key)
        for first in range(begin, end, _BLOCK):
            positions = np.arange(first, min(first + _BLOCK, end), dtype=np.uint64)
            _, there, numbers = gaps.closed(*windows(positions))
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
