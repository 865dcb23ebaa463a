"""Which columns a batch has, and what NumPy gets of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakemint
from lakemint.errors import LakemintError
from lakemint.feed import Split
from lakemint.feed.arrays import arrays_of, numbers_in
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

COLUMNS = (("sample_id", "string"), ("tokens", "binary"), ("stars", "int64"))
SCHEMA = pa.schema([("tokens", pa.binary())])


def tokens_of(index: int) -> "np.ndarray[Any, Any]":
    return np.arange(index, index + 6, dtype=np.uint16)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    config = config_of(tmp_path)
    publish(config, [row(index, tokens=tokens_of(index).tobytes()) for index in range(40)], COLUMNS)
    return lakemint.open("notes@1", split="train", config=config)


def test_rows_of_numbers_come_as_one_array_on_the_memory_of_the_batch(split: Split) -> None:
    seen = 0
    for batch in split.loader(7, numbers={"tokens": "uint16"}):
        found = batch["tokens"]
        assert found.dtype == np.uint16
        assert found.shape == (len(batch["stars"]), 6)
        assert not found.flags.owndata, "copied"
        for tokens, index in zip(found, batch["stars"], strict=True):
            assert tokens.tolist() == tokens_of(index).tolist()
        seen += len(found)
    assert seen == 40


def test_only_the_columns_that_are_wanted_come(split: Split) -> None:
    loader = split.loader(7, columns=["stars", "tokens", "stars"], numbers={"tokens": "<u2"})
    assert {*map(tuple, loader)} == {("stars", "tokens")}
    assert next(loader.arrow()).schema.names == ["stars", "tokens"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": ["text"]}, "there is no column 'text'; there are sample_id, tokens, stars"),
        ({"numbers": {"text": "uint16"}}, "there is no column 'text'"),
        ({"columns": ["stars"], "numbers": {"tokens": "uint16"}}, "no column 'tokens'; there are stars"),
        ({"numbers": {"stars": "uint16"}}, "column stars: it is no bytes but int64"),
        ({"numbers": {"tokens": "words"}}, "column tokens: 'words' is no type of numbers; write as 'uint16'"),
        ({"numbers": {"tokens": "O"}}, "column tokens: 'O' is no type of numbers"),
    ],
)
def test_what_cannot_be_is_told_at_once(split: Split, options: dict[str, Any], said: str) -> None:
    with pytest.raises(LakemintError) as error:
        split.loader(7, **options)
    assert said in str(error.value)


@given(st.lists(st.binary(min_size=4, max_size=4), max_size=9), st.integers(0, 9))
def test_any_part_of_a_column(values: list[bytes], begin: int) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(values, pa.binary())], schema=SCHEMA).slice(begin)
    found = arrays_of(batch, numbers_in(SCHEMA, {"tokens": "uint16"}))["tokens"]
    assert [row.tobytes() for row in found] == values[begin:]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([b"abcd", b"ab"], "column tokens: 2 to 4 bytes, not all rows of as many uint16"),
        ([b"abc", b"abc"], "column tokens: 3 to 3 bytes"),
        ([b"abcd", None], "and 1 nulls, not all rows of as many uint16"),
    ],
)
def test_values_of_several_lengths_are_no_array(values: list[bytes | None], said: str) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(values, pa.binary())], schema=SCHEMA)
    with pytest.raises(LakemintError) as error:
        arrays_of(batch, numbers_in(SCHEMA, {"tokens": "uint16"}))
    assert said in str(error.value)
