"""Fingerprints: the same for the same values, others for others."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.published.fingerprint import Fingerprints

PRINTS = Fingerprints()


def of(values: list[Any], kind: pa.DataType, name: str = "x") -> list[int]:
    found: list[int] = PRINTS.column(name, pa.array(values, kind)).tolist()
    return found


@given(st.lists(st.none() | st.text(max_size=6)))
def test_texts_are_equal_when_their_fingerprints_are(values: list[str | None]) -> None:
    assert len(set(of(values, pa.string()))) == len(set(values))
    assert of(values, pa.string()) == [of([value], pa.string())[0] for value in values]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_numbers_are_equal_when_their_fingerprints_are(values: list[int | None]) -> None:
    assert len(set(of(values, pa.int64()))) == len(set(values))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([b"", b"\0", b"\0\0", None], pa.binary()),
        (["", "a", "a" * 4096, "a" * 4097, "a" * 4096 + "b", "b" + "a" * 4096, "a" * 100_000], pa.string()),
        ([0.0, -0.0, 1.5, float("nan"), float("inf"), None], pa.float64()),
        ([0.5, 1.5, None], pa.float32()),
        ([True, False, None], pa.bool_()),
        ([0, 1, -1, None], pa.int32()),
        ([0, 1, None], pa.date32()),
        ([0, 1, None], pa.timestamp("us", tz="UTC")),
    ],
)
def test_each_type_tells_its_values_apart_and_null(values: list[Any], kind: pa.DataType) -> None:
    assert len(set(of(values, kind))) == len(values)
    assert of(values, kind) == of(values, kind)
    assert of(values[::-1], kind) == of(values, kind)[::-1]


def test_a_slice_has_the_fingerprints_of_its_values() -> None:
    """Also of long ones between short ones, and where the values are too many to be done at once."""
    texts = pa.array([str(n) * (2000 if n % 5000 == 3 else 5) for n in range(20_000)])
    for values in (texts, pa.array([n % 3 == 0 for n in range(20_000)])):
        whole = PRINTS.column("x", values)
        assert len(set(whole.tolist())) == len(set(values.to_pylist()))
        assert np.array_equal(PRINTS.column("x", values[1500:18_321]), whole[1500:18_321])
        assert len(PRINTS.column("x", values[:0])) == 0


def test_rows_depend_on_which_column_holds_what_but_not_on_the_columns_order() -> None:
    one = pa.record_batch({"x": ["a", "b"], "y": ["b", "a"]})
    first, second = PRINTS.rows(one, ["x", "y"])
    assert first != second
    assert np.array_equal(PRINTS.rows(one, ["y", "x"]), [first, second])
    assert np.array_equal(PRINTS.rows(one, []), [0, 0])


def test_nobody_can_know_them_beforehand() -> None:
    assert Fingerprints().column("x", pa.array(["a"])) != PRINTS.column("x", pa.array(["a"]))
    assert Fingerprints().column("x", pa.array(["a" * 5000])) != PRINTS.column("x", pa.array(["a" * 5000]))
