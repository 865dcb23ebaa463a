"""The content of rows: the same however they lie in files, as its definition says it."""

import hashlib
import math
import struct
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.published.columns import arrow_schema
from lakemint.published.content import NOTHING, content_of, total

COLUMNS = (
    ("sample_id", "string"),
    ("image", "binary"),
    ("long", "int64"),
    ("whole", "int32"),
    ("real", "double"),
    ("short", "float"),
    ("flag", "bool"),
    ("day", "date32[day]"),
    ("at", "timestamp[us, tz=UTC]"),
)
"""Every type that can be published; days and microseconds are given as numbers."""
SCHEMA = arrow_schema(COLUMNS)
Row = tuple[Any, ...]

rows_of_all_types = st.tuples(
    *(
        st.none() | values
        for values in (
            st.text(max_size=5),
            st.binary(max_size=9),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(-(2**31), 2**31 - 1),
            st.floats(),
            st.floats(width=32),
            st.booleans(),
            st.integers(-700_000, 2_000_000),
            st.integers(-(2**55), 2**55),
        )
    )
)
many = st.lists(rows_of_all_types, max_size=12)


def table(rows: list[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [
        pa.array(values, plain(field.type)).cast(field.type)
        for values, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.table(arrays, schema=SCHEMA)


def plain(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if pa.types.is_date(kind) else pa.int64() if pa.types.is_timestamp(kind) else kind


def by_definition(rows: list[Row]) -> str:
    """As the documentation says it, value by value."""
    digests = (hashlib.sha256(bytes_of(row)).digest() for row in rows)
    return f"{sum(int.from_bytes(one, 'big') for one in digests) % 2**256:064x}"


def bytes_of(row: Row) -> bytes:
    longs = [value.encode() if isinstance(value, str) else value for value in row[:2] if value is not None]
    return b"".join([*map(piece, row, SCHEMA.types), *longs])


def piece(value: Any, kind: pa.DataType) -> bytes:
    if value is None:
        return b"\0"
    if isinstance(value, str | bytes):
        return b"\1" + struct.pack("<q", len(value.encode() if isinstance(value, str) else value))
    if isinstance(value, float):
        code = "<d" if pa.types.is_float64(kind) else "<f"
        return b"\1" + struct.pack(code, math.nan if math.isnan(value) else value or 0.0)
    code = "<?" if isinstance(value, bool) else "<q" if kind.bit_width == 64 else "<i"
    return b"\1" + struct.pack(code, value)


@given(many)
def test_it_is_what_its_definition_says(rows: list[Row]) -> None:
    assert content_of(table(rows)) == by_definition(rows)


@given(many, st.data())
def test_neither_order_nor_batches_matter(rows: list[Row], data: st.DataObject) -> None:
    order = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    parts = pa.concat_tables([table(order[:cut]), table(order[cut:])])
    assert content_of(parts) == content_of(table(rows))
    sliced = table([*order[:cut], *rows]).slice(cut)
    assert content_of(sliced) == content_of(table(rows))


@given(many, many, many)
def test_rows_come_and_go_without_the_others(stay: list[Row], come: list[Row], go: list[Row]) -> None:
    before, after = content_of(table(stay + go)), content_of(table(stay + come))
    grown = total([content_of(table(come))], [content_of(table(go))])
    assert total([before, grown]) == after
    assert total([before], [before]) == NOTHING


@pytest.mark.parametrize(
    "other", [("a", "b", "c"), ("ab", "", "c"), ("a", None, "bc"), ("", "ab", "c"), (None, "ab", "c")]
)
def test_values_do_not_run_into_each_other(other: tuple[str | None, ...]) -> None:
    def of(*values: str | None) -> str:
        return content_of(
            pa.table({str(place): pa.array([one], pa.string()) for place, one in enumerate(values)})
        )

    assert of(*other) != of("ab", None, "c")


def test_one_row_twice_is_another_content() -> None:
    once = table([("a", b"", 1, 1, 1.0, 1.0, True, 1, 1)])
    assert content_of(pa.concat_tables([once, once])) not in (content_of(once), NOTHING)
