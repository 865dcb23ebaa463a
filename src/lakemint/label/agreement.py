"""How far annotators agree beyond chance: Krippendorff's alpha, and the share of agreeing pairs.

After K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: nominal data, any
number of annotators, missing data; and A. F. Hayes, K. Krippendorff, "Answering the Call for a Standard
Reliability Measure for Coding Data", Communication Methods and Measures 1 (2007).
Sums are of whole numbers, so the order of the answers makes no difference, not even to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How far the answers of a dataset agree. None where it is not defined."""

    alpha: float | None
    """1: always, 0: as by chance, below: worse. None if no sample has two answers, or all say the same."""
    mean_agreement: float | None
    """Mean share of agreeing pairs, over the samples with two answers or more."""


def agreement(
    samples: Sequence[str] | Array, annotators: Sequence[str] | Array, values: Sequence[str] | Array
) -> Agreement:
    """Agreement of answers, three columns of one length: who (`annotators`) said what of which sample.

    What an annotator did not answer is just not there. Raises ValueError when one answers a sample twice.
    """
    units, unit = np.unique(np.asarray(samples), return_inverse=True)
    _, annotator = np.unique(np.asarray(annotators), return_inverse=True)
    domain, value = np.unique(np.asarray(values), return_inverse=True)
    if not unit.size == annotator.size == value.size:
        raise ValueError("samples, annotators and values differ in length")
    if np.unique(unit * (annotator.max(initial=0) + 1) + annotator).size != unit.size:
        raise ValueError("an annotator answers a sample twice; keep the newest answer")
    answers = np.bincount(unit, minlength=units.size)
    paired = answers[unit] > 1
    cells, same = np.unique(unit[paired] * max(domain.size, 1) + value[paired], return_counts=True)
    agreeing = np.bincount(cells // max(domain.size, 1), same * (same - 1), minlength=units.size).astype(
        np.int64
    )
    totals = np.bincount(value[paired], minlength=domain.size)
    return Agreement(_alpha(answers, agreeing, totals), _mean_share(answers, agreeing))


def _alpha(answers: Counts, agreeing: Counts, totals: Counts) -> float | None:
    """Nominal alpha, of the answers and the agreeing ordered pairs a unit, and the paired ones a value."""
    n = int(totals.sum())
    by_chance = n * n - int((totals.astype(object) ** 2).sum())
    if by_chance == 0:
        return None
    observed = 0.0
    for size, disagreeing in _by_size(answers, agreeing):
        observed += disagreeing / (size - 1)
    return 1 - (n - 1) * observed / by_chance


def _mean_share(answers: Counts, agreeing: Counts) -> float | None:
    units = int((answers > 1).sum())
    if units == 0:
        return None
    lost = sum(disagreeing / (size * (size - 1)) for size, disagreeing in _by_size(answers, agreeing))
    return 1 - lost / units


def _by_size(answers: Counts, agreeing: Counts) -> list[tuple[int, int]]:
    """For each number of answers from 2, ascending: the disagreeing ordered pairs in units with that many."""
    found = []
    for size in np.unique(answers[answers > 1]):
        of_size = answers == size
        found.append((int(size), int((size * (size - 1) - agreeing[of_size]).sum())))
    return found
