"""The column types of published versions: their names in a manifest, in Arrow, and in Spark."""

from collections.abc import Iterable
from typing import Any, Final

from lakemint.errors import FormatError

ARROW_OF_SPARK: Final = {
    "string": "string",
    "binary": "binary",
    "bigint": "int64",
    "int": "int32",
    "double": "double",
    "float": "float",
    "boolean": "bool",
    "date": "date32[day]",
    "timestamp": "timestamp[us, tz=UTC]",
}
"""Spark's simple type → the name in the manifest, which is Arrow's."""
SPARK_OF_DELTA: Final = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
"""Type in a Delta log → Spark's simple type, where they differ."""


def arrow_schema(columns: Iterable[tuple[str, str]]) -> Any:
    """The `pyarrow.Schema` of (name, type) pairs; raises FormatError for an unknown type."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "binary": pa.binary(),
        "int64": pa.int64(),
        "int32": pa.int32(),
        "double": pa.float64(),
        "float": pa.float32(),
        "bool": pa.bool_(),
        "date32[day]": pa.date32(),
        "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
    }
    fields = []
    for name, kind in columns:
        if kind not in types:
            raise FormatError(f"column {name}: this Lakemint does not know the type {kind!r}; upgrade it")
        fields.append(pa.field(name, types[kind]))
    return pa.schema(fields)
