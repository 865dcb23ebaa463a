"""The order over shards: every row once, of few shards at a time, and any part of it computed alone."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.feed.windows import Windows

Place = tuple[int, int]

shards = st.lists(st.integers(0, 40), max_size=12)
windows = st.integers(1, 6)
keys = st.none() | st.binary(min_size=1, max_size=4)


def walk(order: Windows, begin: int, end: int) -> list[Place]:
    found = order(np.arange(begin, end, dtype=np.uint64))
    return list(zip(*(one.tolist() for one in found), strict=True))


@given(shards, windows, keys)
def test_every_row_comes_exactly_once(shard_rows: list[int], window: int, key: bytes | None) -> None:
    whole = walk(Windows(shard_rows, window, key), 0, sum(shard_rows))
    there = [(shard, row) for shard, rows in enumerate(shard_rows) for row in range(rows)]
    assert sorted(whole) == there
    if key is None:
        assert whole == there


@given(shards, windows, keys, st.data())
def test_a_part_is_that_part_of_the_whole(
    shard_rows: list[int], window: int, key: bytes | None, data: st.DataObject
) -> None:
    n = sum(shard_rows)
    begin = data.draw(st.integers(0, n))
    end = data.draw(st.integers(begin, n))
    whole = walk(Windows(shard_rows, window, key), 0, n)
    assert walk(Windows(shard_rows, window, key), begin, end) == whole[begin:end]


@settings(max_examples=60)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), windows, keys, st.integers(1, 30))
def test_what_is_read_was_ahead_and_few_are_needed_at_once(
    shard_rows: list[int], window: int, key: bytes | None, step: int
) -> None:
    order, n, ahead = Windows(shard_rows, window, key), sum(shard_rows), list[int]()
    for begin in range(0, n, step):
        needed = {shard for shard, _ in walk(order, begin, min(begin + step, n))}
        before, ahead = ahead, order.ahead(begin, min(begin + step, n) - 1)
        assert needed <= {*ahead}
        assert len({*ahead}) == len(ahead)
        if step == 1:
            assert needed <= {*before} or not before, "the next window was not ahead"
            assert len(ahead) <= 2 * window


def test_the_order_is_the_one_that_was_published() -> None:
    """Frozen: whoever changes the arithmetic breaks every run that was to be repeated."""
    order = walk(Windows([3, 1, 4, 2], 2, b"k"), 0, 10)
    assert order == [(0, 1), (1, 0), (0, 0), (0, 2), (3, 1), (2, 0), (2, 3), (3, 0), (2, 1), (2, 2)]


def test_a_batch_is_mixed_of_all_shards_of_its_window_as_chance_would() -> None:
    """The counts of shards in batches, against those of a random draw: chi-squared over many batches."""
    order = Windows([1000] * 32, 8, b"key")
    total = 0.0
    for begin in range(0, 32_000, 400):
        counts = Counter(shard for shard, _ in walk(order, begin, begin + 400))
        assert len(counts) == 8
        total += sum((count - 50) ** 2 / 50 for count in counts.values())
    # 80 batches with 7 degrees of freedom each, less what drawing without replacement takes away.
    assert 420 < total < 640


def test_rows_of_a_window_are_in_no_order() -> None:
    found = walk(Windows([20_000], 1, b"key"), 0, 20_000)
    rows = np.array([row for _, row in found])
    assert abs(np.corrcoef(np.arange(len(rows)), rows)[0, 1]) < 0.03
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.03


def test_shards_come_in_another_order_with_another_key() -> None:
    firsts = {tuple(Windows([5] * 12, 3, b"%d" % key).ahead(0, 0)) for key in range(10)}
    assert len(firsts) == 10
