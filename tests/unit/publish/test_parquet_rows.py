"""Parquet files as Spark would read them, or not at all."""

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lakemint.errors import IntegrityError, StoreUnavailable
from lakemint.lake import Lake
from lakemint.publish import parquet_rows
from lakemint.publish.parquet_rows import RowReader, schema_of_table
from lakemint.publish.plain import NotPlain
from lakemint.publish.table_files import DataFile
from lakemint.store import FolderStore
from tests.unit.delta_table import BY_SPARK, parquet

KEY = Lake("file:///lake").files("gold", "notes") + "part-1.parquet"
COLUMNS = {"sample_id": "string", "stars": "long", "at": "timestamp", "split": "string"}
WHEN = datetime.datetime(1500, 2, 28, 1, 2, 3, 456789, tzinfo=datetime.UTC)
ROWS = pa.table(
    {
        "sample_id": ["a", None],
        "stars": pa.array([1, None], pa.int64()),
        "at": pa.array([WHEN, None], pa.timestamp("us", "UTC")),
    }
)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def reader(store: FolderStore, columns: dict[str, str] = COLUMNS, *partitioned: str) -> RowReader:
    return RowReader(store, schema_of_table(columns), frozenset(partitioned))


def read(store: FolderStore, data: bytes, by: RowReader, **values: str | None) -> list[dict[str, Any]]:
    store.put(KEY, data)
    batches = list(by.batches(DataFile(KEY, len(data), values)))
    assert all(batch.schema == by.schema for batch in batches)
    rows: list[dict[str, Any]] = pa.Table.from_batches(batches, by.schema).to_pylist()
    return rows


@pytest.mark.parametrize("options", [{"coerce_timestamps": "us"}, {"use_deprecated_int96_timestamps": True}])
def test_columns_come_in_their_order_and_those_a_file_lacks_are_null(
    store: FolderStore, options: dict[str, Any]
) -> None:
    found = read(store, parquet(ROWS, **options), reader(store))
    first = {"sample_id": "a", "stars": 1, "at": WHEN, "split": None}
    assert found == [first, dict.fromkeys(COLUMNS)]


def test_coarser_timestamps_are_the_same_times(store: FolderStore) -> None:
    when = WHEN.replace(microsecond=456000)
    rows = pa.table({"at": pa.array([when, None], pa.timestamp("ms", "UTC"))})
    found = read(store, parquet(rows), reader(store, {"at": "timestamp"}))
    assert found == [{"at": when}, {"at": None}]


@pytest.mark.parametrize(("value", "expected"), [("ü/%", "ü/%"), ("", None), (None, None)])
def test_partition_values_are_those_of_the_log(
    store: FolderStore, value: str | None, expected: str | None
) -> None:
    rows = ROWS.append_column("split", pa.array(["other", "other"]))
    found = read(store, parquet(rows), reader(store, COLUMNS, "split"), split=value)
    assert [row["split"] for row in found] == [expected, expected]
    only = read(store, parquet(rows), reader(store, {"split": "string"}, "split"), split=value)
    assert only == [{"split": expected}] * 2


def test_a_file_of_none_of_the_columns_has_its_rows(store: FolderStore) -> None:
    assert read(store, parquet(ROWS), reader(store, {"more": "long"})) == [{"more": None}] * 2


def test_rows_are_counted_by_the_log_or_else_by_the_file(store: FolderStore) -> None:
    data = parquet(ROWS)
    store.put(KEY, data)
    assert reader(store).rows(DataFile(KEY, len(data), {})) == 2
    assert reader(store).rows(DataFile("gone", 1, {}, rows=7)) == 7


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.set_column(1, "stars", pa.array([1, 2], pa.int32())),
        ROWS.set_column(1, "Stars", pa.array([1, 2])),
        ROWS.append_column("STARS", pa.array([1, 2])),
        ROWS.set_column(0, "sample_id", pa.array([b"a", b"b"])),
        ROWS.set_column(2, "at", pa.array([1, 2], pa.timestamp("us"))),
        ROWS.set_column(2, "at", pa.array([[1], [2]])),
    ],
)
def test_columns_of_other_types_or_spellings_are_not_plain(store: FolderStore, rows: pa.Table) -> None:
    with pytest.raises(NotPlain, match=r"has|spells"):
        read(store, parquet(rows), reader(store))


@pytest.mark.parametrize(
    "metadata",
    [{}, {"org.apache.spark.version": "2.4.8"}, {**BY_SPARK, "org.apache.spark.legacyDateTime": ""}],
)
def test_times_by_another_calendar_are_not_plain(store: FolderStore, metadata: dict[str, str]) -> None:
    data = parquet(ROWS, metadata)
    with pytest.raises(NotPlain, match="may count the days"):
        read(store, data, reader(store))
    plain = {name: kind for name, kind in COLUMNS.items() if name != "at"}
    assert len(read(store, data, reader(store, plain))) == 2


def test_types_that_are_not_published_are_not_plain() -> None:
    with pytest.raises(NotPlain, match=r"the column price has decimal\(10,2\)"):
        schema_of_table({"price": "decimal(10,2)"})


@pytest.mark.parametrize("harm", [lambda data: data[:-9], lambda data: data[:40] + bytes(30) + data[70:]])
def test_a_damaged_file_is_named(store: FolderStore, harm: Any) -> None:
    with pytest.raises(IntegrityError, match=r"part-1\.parquet: not a sound Parquet file"):
        read(store, harm(parquet(ROWS)), reader(store))


def test_a_file_that_is_gone_is_named(store: FolderStore) -> None:
    with pytest.raises(IntegrityError, match=r"part-1\.parquet: a file of the table is gone"):
        list(reader(store).batches(DataFile(KEY, 1, {})))


def test_what_the_store_says_while_a_file_is_read_is_said(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise StoreUnavailable("away")

    monkeypatch.setattr(store, "seekable", lambda _: Away(parquet(ROWS)))
    with pytest.raises(StoreUnavailable, match="away"):
        list(reader(store).batches(DataFile(KEY, 1, {})))


def test_batches_are_of_so_many_bytes_whatever_the_rows(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "BATCH", 100_000)
    blobs = pa.table({"image": [np.random.default_rng(index).bytes(10_000) for index in range(100)]})
    data = parquet(blobs, group=50, use_dictionary=False)
    store.put(KEY, data)
    images = reader(store, {"image": "binary"})
    file = DataFile(KEY, len(data), {})
    sizes = [batch.num_rows for batch in images.batches(file)]
    assert sum(sizes) == 100
    assert max(sizes) <= 10
    assert images.groups(file) == 2
    assert sum(batch.num_rows for batch in images.batches(file, range(1, 2))) == 50
    monkeypatch.setattr(parquet_rows, "_GROUP", 400_000)
    with pytest.raises(NotPlain, match="has a row group of"):
        list(images.batches(file))
