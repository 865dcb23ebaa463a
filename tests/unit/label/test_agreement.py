"""Agreement equals the reference implementation, and does not depend on the order of answers."""

import math
from random import Random

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.label.agreement import Agreement, agreement

Answer = tuple[int, int, int]
"""sample, annotator, value"""


@st.composite
def answers(draw: st.DrawFn) -> list[Answer]:
    """Each annotator answers each sample once or never."""
    cells = st.tuples(st.integers(0, 7), st.integers(0, 5))
    asked = draw(st.lists(cells, unique=True, max_size=48))
    return [(sample, annotator, draw(st.integers(0, 4))) for sample, annotator in asked]


def measured(found: list[Answer]) -> Agreement:
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    return agreement(columns[:, 0], columns[:, 1], columns[:, 2])


@given(answers())
def test_alpha_is_that_of_the_reference(found: list[Answer]) -> None:
    table = np.full((6, 8), np.nan)
    for sample, annotator, value in found:
        table[annotator, sample] = value
    paired = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    alpha = measured(found).alpha
    if np.unique(paired[~np.isnan(paired)]).size < 2:
        assert alpha is None
    else:
        reference = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
        assert alpha == pytest.approx(reference, abs=1e-9)


@given(answers())
def test_mean_agreement_counts_the_agreeing_pairs(found: list[Answer]) -> None:
    shares = []
    for sample in {sample for sample, _, _ in found}:
        values = [value for other, _, value in found if other == sample]
        pairs = [(a, b) for i, a in enumerate(values) for b in values[:i]]
        if pairs:
            shares.append(sum(a == b for a, b in pairs) / len(pairs))
    mean = measured(found).mean_agreement
    assert mean is None if not shares else mean == pytest.approx(math.fsum(shares) / len(shares))


@given(answers(), st.randoms())
def test_the_order_of_answers_makes_no_difference_at_all(found: list[Answer], random: Random) -> None:
    shuffled = random.sample(found, len(found))
    assert measured(shuffled) == measured(found)


def test_words_are_values_too() -> None:
    found = agreement(["a", "a", "b", "b"], ["x", "y", "x", "y"], ["good", "good", "bad", "good"])
    assert found.mean_agreement == 0.5
    assert found.alpha == pytest.approx(0.0)


def test_one_annotator_cannot_answer_a_sample_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        agreement(["a", "a"], ["x", "x"], ["good", "bad"])
