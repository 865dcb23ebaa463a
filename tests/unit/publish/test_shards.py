"""Shards: their bytes follow from their rows, and from nothing else."""

import random
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.errors import FormatError, LakemintError
from lakemint.publish import shards
from lakemint.publish.shards import BUCKET, encode, groups
from lakemint.published.columns import arrow_schema
from lakemint.published.shards import label_counts

COLUMNS = (
    ("sample_id", "string"),
    ("text", "string"),
    ("image", "binary"),
    ("stars", "int64"),
    ("score", "double"),
    ("flag", "bool"),
)
SCHEMA = arrow_schema(COLUMNS)
rows_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "sample_id": st.text("0123456789abcdef", min_size=32, max_size=32),
            "text": st.none() | st.text(max_size=20),
            "image": st.none() | st.binary(max_size=20),
            "stars": st.none() | st.integers(-(2**63), 2**63 - 1),
            "score": st.none() | st.floats(allow_nan=False),
            "flag": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row["sample_id"],
)


def table(rows: list[dict[str, Any]], cuts: list[int] | None = None) -> pa.Table:
    bounds = sorted({0, *(cuts or []), len(rows)})
    batches = [pa.RecordBatch.from_pylist(rows[a:b], schema=SCHEMA) for a, b in pairwise(bounds)]
    return pa.Table.from_batches(batches, schema=SCHEMA)


@settings(max_examples=25)
@given(rows=rows_strategy, seed=st.integers(), data=st.data())
def test_bytes_depend_on_the_rows_alone(rows: list[dict[str, Any]], seed: int, data: st.DataObject) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))  # noqa: S311
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4))
    assert encode(table(rows), COLUMNS) == encode(table(shuffled, cuts), COLUMNS)


@settings(max_examples=25)
@given(rows=rows_strategy)
def test_a_shard_reads_back_as_its_rows_sorted_in_one_batch(rows: list[dict[str, Any]]) -> None:
    with pa.ipc.open_file(encode(table(rows), COLUMNS)) as reader:
        assert reader.num_record_batches == 1
        assert reader.schema == SCHEMA
        assert reader.get_batch(0).to_pylist() == sorted(rows, key=lambda row: row["sample_id"])


def test_what_lies_under_nulls_leaves_no_trace() -> None:
    ids = pa.array([f"{i:032x}" for i in range(8)])
    mask = pa.array([None if i % 2 else True for i in range(8)]).is_valid().buffers()[1]
    found = set()
    for noise in (0, -1):
        values = pa.py_buffer(
            b"".join((noise if i % 2 else i).to_bytes(8, "little", signed=True) for i in range(8))
        )
        stars = pa.Array.from_buffers(pa.int64(), 8, [mask, values])
        rows = pa.table({"sample_id": ids, "stars": stars})
        found.add(encode(rows, (("sample_id", "string"), ("stars", "int64"))))
    assert len(found) == 1


def test_one_changed_value_changes_the_bytes() -> None:
    rows = [{name: None for name, _ in COLUMNS} | {"sample_id": "a", "text": text} for text in ("x", "y")]
    assert encode(table(rows[:1]), COLUMNS) != encode(table(rows[1:]), COLUMNS)


def test_rows_too_big_for_one_shard_name_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "_MAX_BYTES", 10)
    with pytest.raises(LakemintError, match=r"raise publish\.buckets"):
        encode(table([{name: None for name, _ in COLUMNS} | {"sample_id": "a" * 32}]), COLUMNS)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(FormatError, match=r"column x: .*'int7'"):
        arrow_schema([("x", "int7")])


@given(
    places=st.lists(st.tuples(st.sampled_from(["train", "test"]), st.integers(0, 2)), max_size=40),
    size=st.integers(1, 10),
)
def test_groups_are_the_runs_of_a_place_whatever_the_batches(
    places: list[tuple[str, int]], size: int
) -> None:
    places = sorted(places)
    entries = [{"split": split, BUCKET: bucket, "n": n} for n, (split, bucket) in enumerate(places)]
    batches = [pa.RecordBatch.from_pylist(entries[i : i + size]) for i in range(0, len(entries), size)]
    found = [(place, rows["n"].to_pylist()) for place, rows in groups(batches)]
    assert [place for place, _ in found] == sorted(set(places))
    assert [n for _, numbers in found for n in numbers] == list(range(len(places)))


def test_labels_are_counted_where_there_are_any() -> None:
    assert label_counts(pa.table({"label": ["a", "b", "a"]})) == {"a": 2, "b": 1}
    assert label_counts(pa.table({"text": ["a"]})) == {}
