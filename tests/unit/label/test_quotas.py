"""Seats follow the strata, and what was sent counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.dataset.recipe import LabelSample
from lakemint.errors import RecipeError
from lakemint.label.asking import Asking
from lakemint.label.quotas import apportion, check_strata, quotas

weights = st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.integers(0, 1000), max_size=8)


def test_the_four_corpora() -> None:
    sizes = {"tweets": 4200, "movies": 10605, "products": 3708, "editorials": 5190}
    assert apportion(sizes, 240) == {"tweets": 42, "movies": 107, "products": 38, "editorials": 53}


def test_a_small_stratum_is_not_forgotten() -> None:
    assert apportion({"large": 1000, "small": 1, "none": 0}, 10, least=1) == {
        "large": 9,
        "small": 1,
        "none": 0,
    }


@given(weights, st.integers(0, 3000))
def test_every_seat_is_given_near_its_share(given_weights: dict[str, int], seats: int) -> None:
    total = sum(given_weights.values())
    found = apportion(given_weights, seats)
    assert sum(found.values()) == min(seats, total)
    for name, weight in given_weights.items():
        assert 0 <= found[name] <= weight
        assert abs(found[name] - weight * min(seats, total) / max(total, 1)) < 1


@given(weights, st.integers(8, 3000))
def test_each_stratum_with_samples_gets_one_if_there_are_seats(
    given_weights: dict[str, int], seats: int
) -> None:
    found = apportion(given_weights, seats, least=1)
    assert sum(found.values()) == min(seats, sum(given_weights.values()))
    assert all(1 <= found[name] <= weight for name, weight in given_weights.items() if weight)


@given(weights, st.integers(8, 200), st.data())
def test_never_more_than_size_and_all_of_it(there: dict[str, int], size: int, data: st.DataObject) -> None:
    sent = {name: data.draw(st.integers(0, min(count, 30))) for name, count in there.items()}
    new = quotas({name: (count, sent[name]) for name, count in there.items()}, size)
    assert all(0 < number <= there[name] - sent[name] for name, number in new.items())
    assert sum(new.values()) <= max(0, size - sum(sent.values()))
    if not any(sent.values()):
        assert sum(new.values()) == min(size, sum(there.values()))


def test_more_strata_than_samples_is_a_mistake() -> None:
    asked = Asking("reviews", ("tweets",), "label.xml", LabelSample(size=2, strata="id"), 3, None)
    with pytest.raises(RecipeError, match="'id' has more values than the 2 samples"):
        check_strata(dict.fromkeys("abc", (1, 0)), asked)
