"""Shares of every stratum, as near as whole numbers let, however units come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lakemint.refine.splits.shares import dealt

SHARES = (0.8, 0.1, 0.1)
shares = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(
    lambda cuts: (min(cuts) / 100, abs(cuts[0] - cuts[1]) / 100, (100 - max(cuts)) / 100)
)
counts = st.lists(st.integers(0, 60), min_size=3, max_size=3)


def deal(before: list[int], new: int, wanted: tuple[float, ...] = SHARES) -> list[int]:
    """Of one stratum."""
    return [int(n) for n in dealt(np.array([before]), np.array([new]), wanted)[0]]


def one_by_one(before: list[int], new: int, wanted: tuple[float, ...]) -> list[float]:
    """What each split lacks in the end, by giving each unit to the one that lacks most."""
    lacking = [share * (sum(before) + new) - had for share, had in zip(wanted, before, strict=True)]
    for _ in range(new):
        lacking[lacking.index(max(lacking))] -= 1
    return lacking


@given(before=counts, new=st.integers(0, 80), wanted=shares)
def test_units_go_where_most_are_lacking(before: list[int], new: int, wanted: tuple[float, ...]) -> None:
    given = deal(before, new, wanted)
    assert sum(given) == new
    assert min(given) >= 0
    total = sum(before) + new
    lacking = [s * total - b - g for s, b, g in zip(wanted, before, given, strict=True)]
    best = one_by_one(before, new, wanted)
    assert sum(one**2 for one in lacking) <= sum(one**2 for one in best) + 1e-6


@given(steps=st.lists(st.integers(0, 50), max_size=40), wanted=shares)
def test_no_split_is_ever_a_unit_off_its_quota(steps: list[int], wanted: tuple[float, ...]) -> None:
    have = [0, 0, 0]
    for new in steps:
        have = [had + more for had, more in zip(have, deal(have, new, wanted), strict=True)]
        assert all(abs(share * sum(have) - had) < 1 for share, had in zip(wanted, have, strict=True))


@given(rows=st.lists(st.tuples(counts, st.integers(0, 50)), min_size=1), wanted=shares)
def test_a_stratum_has_nothing_to_do_with_the_others(
    rows: list[tuple[list[int], int]], wanted: tuple[float, ...]
) -> None:
    before, new = np.array([one for one, _ in rows]), np.array([number for _, number in rows])
    assert dealt(before, new, wanted).tolist() == [deal(*row, wanted) for row in rows]


def test_a_rare_class_is_tested_on_from_its_fourth_unit() -> None:
    assert [deal([0, 0, 0], n) for n in (1, 2, 3, 4, 5, 10)] == [
        [1, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
        [3, 0, 1],
        [4, 0, 1],
        [8, 1, 1],
    ]


def test_what_has_too_much_gets_nothing_and_the_others_catch_up() -> None:
    assert deal([0, 0, 10], 5) == [5, 0, 0]
    assert deal([30, 0, 0], 10) == [2, 4, 4]
    assert deal([8, 1, 1], 10, (0.5, 0.0, 0.5)) == [1, 0, 9]


def test_large_strata_are_dealt_exactly() -> None:
    assert deal([0, 0, 0], 10**10) == [8 * 10**9, 10**9, 10**9]
