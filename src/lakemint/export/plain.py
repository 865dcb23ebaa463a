"""Rows as JSON can hold them, and back: every value of a published column survives."""

import math
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

from lakemint.errors import ExportError

_NAMED: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Numbers that JSON has not, as text: the names of the JSON mapping of Protocol Buffers."""


def to_plain(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """The rows; dates and times in ISO 8601, numbers that JSON has not by their names, bytes as they are.

    Raises ExportError for dates that Python has not: before the year 1 and after 9999.
    """
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        try:
            values = column.to_pylist()
        except (ValueError, OverflowError) as error:
            raise ExportError(
                f"the column {field.name} has a time outside of the years 1 to 9999; export to parquet"
            ) from error
        columns.append([_plain(value) for value in values])
    for values in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))


def from_plain(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """A row of Python's values for `pa.RecordBatch.from_pylist`; raises ValueError, KeyError."""
    return {
        field.name: _value(row[field.name], field.type)
        for field in schema
        if not pa.types.is_binary(field.type)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return next(name for name, number in _NAMED.items() if str(number) == str(value))
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return _NAMED.get(value, value)
    if pa.types.is_date(kind):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if pa.types.is_timestamp(kind) else value
