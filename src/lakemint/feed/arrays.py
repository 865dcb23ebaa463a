"""Columns of a batch as NumPy arrays."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakemint.errors import LakemintError

Arrays = dict[str, NDArray[Any]]
"""Column → its values: numbers as they are stored, text and bytes as objects. A null is None, in a column of
floating-point numbers NaN: a batch with nulls gives its integers as objects."""
Numbers = Mapping[str, np.dtype[Any]]
"""Column of bytes → the type of the numbers that its values are rows of."""


def chosen(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    """The schema of these columns, or of all; raises LakemintError for one that is not there."""
    if columns is None:
        return schema
    for name in columns:
        _require_column(schema, name)
    return pa.schema([schema.field(name) for name in dict.fromkeys(columns)])


def numbers_in(schema: pa.Schema, numbers: Mapping[str, str]) -> Numbers:
    """The types that NumPy knows by these names; raises LakemintError for one it does not, and for a column
    that is not there or not of bytes."""
    found = {}
    for name, kind in numbers.items():
        _require_column(schema, name)
        if schema.field(name).type != pa.binary():
            raise LakemintError(f"column {name}: it is no bytes but {schema.field(name).type}")
        with suppress(TypeError):
            found[name] = np.dtype(kind)
        if name not in found or found[name].kind not in "iufb":
            raise LakemintError(f"column {name}: {kind!r} is no type of numbers; write as 'uint16'")
    return found


def arrays_of(examples: pa.RecordBatch, numbers: Numbers) -> Arrays:
    """Each column; of those in `numbers`, (examples, numbers of each), on the batch's memory.

    Raises LakemintError when the values of such a one are not all of one length.
    """
    return {
        name: _rows(name, column, numbers[name]) if name in numbers else _values(column)
        for name, column in zip(examples.schema.names, examples.columns, strict=True)
    }


def _require_column(schema: pa.Schema, name: str) -> None:
    if name not in schema.names:
        raise LakemintError(f"there is no column {name!r}; there are {', '.join(schema.names)}")


def _values(column: pa.Array) -> NDArray[Any]:
    if column.null_count and pa.types.is_integer(column.type):
        # NumPy would make floats of them, which large integers do not survive.
        return np.array(column.to_pylist(), dtype=object)
    if not column.null_count and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        # Arrow's own view could not be written to. A batch has memory of its own: whoever does harms nobody.
        held = np.frombuffer(column.buffers()[1] or b"", column.type.to_pandas_dtype())
        return held[column.offset :][: len(column)]
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _rows(name: str, column: pa.Array, kind: np.dtype[Any]) -> NDArray[Any]:
    if not len(column):
        return np.empty((0, 0), kind)
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][: len(column) + 1]
    lengths = np.diff(offsets)
    shortest, longest = int(lengths.min()), int(lengths.max())
    if column.null_count or shortest != longest or longest % kind.itemsize:
        nulls = f" and {column.null_count} nulls" if column.null_count else ""
        raise LakemintError(
            f"column {name}: {shortest:,} to {longest:,} bytes{nulls}, not all rows of as many {kind}"
        )
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return data.view(kind).reshape(len(column), -1) if longest else np.empty((len(column), 0), kind)
