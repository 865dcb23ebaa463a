"""Merged ranges hold the same numbers as those they were merged from, in the fewest words."""

from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from lakemint.published.ranges import Range, merged, total

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20)


def numbers(ranges: list[Range]) -> set[int]:
    return {*chain.from_iterable(range(*one) for one in ranges)}


@given(RANGES)
def test_nothing_is_lost_or_added_and_no_two_could_be_one(ranges: list[Range]) -> None:
    found = merged(ranges)
    assert numbers(found) == numbers(ranges)
    assert total(found) == len(numbers(ranges))
    assert all(one[1] < other[0] for one, other in pairwise(found))
    assert all(begin < end for begin, end in found)


@given(RANGES, RANGES)
def test_in_which_order_and_how_often_does_not_matter(one: list[Range], other: list[Range]) -> None:
    assert merged([*one, *other]) == merged([*merged(other), *merged(one), *one])


@given(RANGES, st.integers(1, 5))
def test_fewer_ranges_tell_too_much_and_as_little_of_that_as_can_be(
    ranges: list[Range], at_most: int
) -> None:
    whole, found = merged(ranges), merged(ranges, at_most)
    assert len(found) == min(at_most, len(whole))
    assert numbers(found) >= numbers(whole)
    gaps = sorted(after[0] - before[1] for before, after in pairwise(whole))
    assert total(found) - total(whole) == sum(gaps[: max(0, len(whole) - at_most)])
