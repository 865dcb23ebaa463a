"""Rows gathered from many shards: as Arrow's own `take` gives them."""

from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint import open as open_version
from lakemint.errors import LakemintError
from lakemint.feed import gather as module
from lakemint.feed.gather import gather
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as settings_of

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("data", pa.binary()),
        ("count", pa.int64()),
        ("is_good", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
rows = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=30),
        "data": st.none() | st.binary(max_size=14) | st.just(b"x" * 3000),
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "is_good": st.none() | st.booleans(),
        "at": st.none() | st.datetimes(timezones=st.just(UTC)),
    }
)


def batch_of(held: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(held, SCHEMA)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.lists(rows, max_size=6), st.integers(0, 3)), max_size=5), st.data())
def test_any_rows_in_any_order(held: list[tuple[list[dict[str, object]], int]], data: st.DataObject) -> None:
    shards = [batch_of(some).slice(begin) for some, begin in held]  # a slice's buffers begin elsewhere
    there = [(at, row) for at, shard in enumerate(shards) for row in range(shard.num_rows)]
    picked = data.draw(st.lists(st.sampled_from(there), max_size=40)) if there else []
    places = np.array(picked, np.int64).reshape(-1, 2)
    found = gather(places[:, 0], places[:, 1], shards.__getitem__, SCHEMA)
    found.validate(full=True)
    assert found.schema == SCHEMA
    assert found.to_pylist() == [shards[at].slice(row, 1).to_pylist()[0] for at, row in picked]


def test_only_the_shards_of_the_rows_are_read() -> None:
    shards = {2: batch_of([{"text": "a"}]), 5: batch_of([{"text": "b"}, {"text": "c"}])}
    found = gather(np.array([5, 2, 5]), np.array([1, 0, 0]), shards.__getitem__, SCHEMA)
    assert found.column("text").to_pylist() == ["c", "a", "b"]


def test_more_bytes_than_a_column_holds_are_cut_into_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings_of(tmp_path)
    publish(config, [row(index, text="x" * index) for index in range(64)])
    split = open_version("notes@1", config=config)["train"]

    def texts() -> list[list[str]]:
        return [batch["text"].tolist() for _ in range(2) for batch in loader]

    loader = split.loader(batch_size=2)
    whole = texts()
    monkeypatch.setattr(module, "_MAX_BYTES", 130)
    with pytest.raises(LakemintError):
        gather(np.zeros(20, np.int64), np.arange(20), split.shard, split.schema)
    loader.epoch = 0
    assert texts() == whole
    loader = split.loader(batch_size=32)
    with pytest.raises(LakemintError, match="32 examples is longer than 2 GiB: make batch_size smaller"):
        texts()
