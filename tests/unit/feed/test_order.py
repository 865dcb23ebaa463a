"""The order of examples: a permutation, the same wherever and however much of it is computed."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.feed.order import Permutation, order_key

keys = st.binary(min_size=1, max_size=32)


def whole(n: int, key: bytes) -> list[int]:
    rows: list[int] = Permutation(n, key)(np.arange(n, dtype=np.uint64)).tolist()
    return rows


@given(n=st.integers(1, 3000), key=keys)
def test_every_row_comes_exactly_once(n: int, key: bytes) -> None:
    assert sorted(whole(n, key)) == list(range(n))


@given(n=st.integers(1, 2**52), key=keys, seed=st.integers(0, 2**32))
@settings(max_examples=50)
def test_rows_of_any_part_of_a_huge_split_are_distinct_and_in_range(n: int, key: bytes, seed: int) -> None:
    positions = np.unique(np.random.default_rng(seed).integers(0, n, 200, dtype=np.uint64))
    rows = Permutation(n, key)(positions).tolist()
    assert len(set(rows)) == len(positions)
    assert all(0 <= row < n for row in rows)


@given(n=st.integers(2, 2000), key=keys, data=st.data())
def test_a_part_is_that_part_of_the_whole(n: int, key: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(begin + 1, n))
    part = Permutation(n, key)(np.arange(begin, end, dtype=np.uint64)).tolist()
    assert part == whole(n, key)[begin:end]


def test_the_order_is_the_one_that_was_published() -> None:
    """Frozen: whoever changes the arithmetic breaks every run that was to be repeated."""
    assert whole(10, order_key("ab" * 32, 7, 0)) == [0, 3, 2, 7, 6, 4, 1, 9, 5, 8]
    assert whole(5000, order_key("ab" * 32, 7, 0))[:5] == [4539, 3675, 3796, 1349, 478]


def test_digest_seed_and_epoch_each_make_another_order() -> None:
    keys = {order_key(d, s, e) for d in ("a", "b") for s in (0, 1, 12) for e in (0, 1, 21)}
    assert len(keys) == 18
    orders = {tuple(whole(50, key)) for key in keys}
    assert len(orders) == 18


def test_all_orders_of_few_rows_are_about_equally_frequent() -> None:
    draws = 960
    counts = Counter(tuple(whole(4, order_key("x", seed, 0))) for seed in range(draws))
    assert len(counts) == 24
    expected = draws / 24
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < 53  # 23 degrees of freedom: mean 23, 99.97 % below 53


def test_positions_and_rows_of_many_are_unrelated() -> None:
    rows = np.array(whole(100_000, order_key("x", 1, 0)))
    assert abs(np.corrcoef(np.arange(100_000), rows)[0, 1]) < 0.015
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.015
