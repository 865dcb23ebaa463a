"""A batch's columns as the frameworks' tensors can hold them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakemint.errors import LakemintError


def numbers(name: str, values: NDArray[Any]) -> NDArray[Any] | None:
    """The column as numbers or booleans, on the same memory where it can be; None for text and bytes.

    Dates are days and times microseconds since 1970 (UTC), both int64. Raises LakemintError for nulls but of
    floating-point numbers, which are NaN: the others would be no nulls any more.
    """
    if values.dtype.kind == "M":
        _require(name, ~np.isnat(values))
        return values.astype("M8[D]" if values.dtype == "M8[D]" else "M8[us]", copy=False).view(np.int64)
    if values.dtype.kind != "O":
        return values
    if not all(one is None or isinstance(one, str | bytes) for one in values):
        _require(name, np.array([one is not None for one in values], bool))
    return None


def texts(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Text or bytes; raises LakemintError for nulls."""
    _require(name, np.array([one is not None for one in values], bool))
    return values


def _require(name: str, there: NDArray[np.bool_]) -> None:
    if not there.all():
        nulls = len(there) - int(there.sum())
        raise LakemintError(
            f"column {name}: {nulls} of {len(there)} values are null, and no tensor holds that: leave the "
            "column out (`columns=`), or give the loader a transform that fills them"
        )
