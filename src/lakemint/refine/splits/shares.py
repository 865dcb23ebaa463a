"""How many new units of each stratum go to each split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGITS: Final = 6
"""Remainders that are equal but for the last bits of their floats are equal."""


def dealt(
    before: "NDArray[np.int64]", new: "NDArray[np.int64]", shares: Sequence[float]
) -> "NDArray[np.int64]":
    """How many new units each split gets, (strata, splits), so that each stratum comes nearest to the shares.

    `before`: (strata, splits), what each has, of which nothing is taken back. `new`: (strata,), how many are
    to be dealt. As if each went to the split that then lacks most: of all ways to deal them, the squares of
    what splits have too much or too little add up to the least. That is the projection of what they lack onto
    the simplex (Duchi et al., ICML 2008, https://doi.org/10.1145/1390156.1390191), made whole by largest
    remainder; of equal ones, the last split gets the unit. Dealt from nothing in any number of steps, by the
    same shares, none of three splits is ever a whole unit off its quota.
    """
    shared = np.asarray(shares) / np.sum(shares)
    lacking = shared * (before.sum(axis=1) + new)[:, None] - before
    wanted = np.maximum(lacking - _too_much(lacking, new)[:, None], 0)
    whole = np.floor(wanted).astype(np.int64)
    remainder = np.round(wanted - whole, _DIGITS)
    rank = np.argsort(np.argsort(-remainder[:, ::-1], axis=1, kind="stable"), axis=1)[:, ::-1]
    number: NDArray[np.int64] = whole + (rank < (new - whole.sum(axis=1))[:, None])
    return number


def _too_much(lacking: "NDArray[np.float64]", new: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """(strata,): how much less than it lacks each split gets that gets any, since others have too much."""
    most = -np.sort(-lacking, axis=1)
    level = (np.cumsum(most, axis=1) - new[:, None]) / np.arange(1, most.shape[1] + 1)
    last = np.maximum((most >= level).sum(axis=1), 1) - 1
    found: NDArray[np.float64] = level[np.arange(len(level)), last]
    return found
