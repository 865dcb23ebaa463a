"""The worker's code on a folder as the lake, without Spark: Arrow batches in, Arrow batches out."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakemint.dataset.recipe import Recipe
from lakemint.ingest import worker
from lakemint.ingest.worker import ObjectReader
from lakemint.store import FolderStore, StoreAddress

RECIPE = Recipe.model_validate(
    {
        "dataset": "notes",
        "sources": {
            "mail": {"format": "tsv", "columns": ["id", "text"]},
            "scans": {"format": "file", "path": "{name}.png", "content": "image"},
        },
        "content": ["text", "image"],
        "label": {"known": "text"},
    }
)


class Bench:
    """A lake in a folder and what a worker makes of its objects."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(folder)
        self.reader = ObjectReader(StoreAddress(f"file://{folder}", "", "us-east-1", ""), RECIPE)
        self.items: list[dict[str, Any]] = []

    def land(self, key: str, data: bytes) -> None:
        self.store.put(key, data)
        (item,) = self.store.list(key)
        source = key.split("/")[2]
        self.items.append({"object": key, "etag": item.etag, "source": source, "size": item.size})

    def batches(self) -> list[pa.RecordBatch]:
        return list(self.reader.run(iter([pa.RecordBatch.from_pylist(self.items)])))

    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches() for row in batch.to_pylist()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_object_gives_its_records_its_problems_and_their_count(bench: Bench) -> None:
    bench.land("raw/notes/mail/a.tsv", b"1\thello\nbad\n")
    bench.land("raw/notes/scans/7.png", b"\x89PNG")
    rows = [{name: value for name, value in row.items() if value is not None} for row in bench.rows()]
    mail, scan = bench.items
    assert rows == [
        {
            **mail,
            "kind": "record",
            "line": 1,
            "fields": {"id": "1", "text": "hello", "name": None, "image": None},
        },
        {
            **mail,
            "kind": "problem",
            "line": 2,
            "reason": "wrong column count: 1 instead of 2",
            "head": b"bad",
        },
        {**mail, "kind": "object", "records": 1, "quarantined": 1},
        {
            **scan,
            "kind": "record",
            "line": 0,
            "fields": {"id": None, "text": None, "name": "7", "image": b"\x89PNG"},
        },
        {**scan, "kind": "object", "records": 1, "quarantined": 0},
    ]


def test_an_object_gone_or_changed_since_it_was_listed_is_left_out(bench: Bench) -> None:
    for name in ("gone", "changed", "there"):
        bench.land(f"raw/notes/mail/{name}", b"1\thello\n")
    bench.store.put("raw/notes/mail/changed", b"2\tother\n")
    Path(bench.reader.address.lake.removeprefix("file://"), "raw/notes/mail/gone").unlink()
    assert {row["object"] for row in bench.rows()} == {"raw/notes/mail/there"}


def test_an_object_the_store_cannot_deliver_is_named_with_the_reason(bench: Bench) -> None:
    bench.land("raw/notes/mail/a", b"1\thello\n")
    bench.items[0]["object"] = "../outside"
    (row,) = bench.rows()
    assert row["kind"] == "failed"
    assert "../outside" in row["reason"]


def test_batches_are_bounded_by_rows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BATCH_ROWS", 100)
    bench.land("raw/notes/mail/a", b"1\ta\n" * 1000)
    sizes = [batch.num_rows for batch in bench.batches()]
    assert sizes == [100] * 10 + [1]


def test_batches_are_bounded_by_bytes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BATCH_BYTES", 10_000)
    bench.land("raw/notes/mail/a", (b"1\t" + b"a" * 5000 + b"\n") * 100)
    batches = bench.batches()
    assert max(batch.nbytes for batch in batches) < 20_000
    assert Counter(row["kind"] for batch in batches for row in batch.to_pylist()) == {
        "record": 100,
        "object": 1,
    }
