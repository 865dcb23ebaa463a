"""An erasure by its job, on the real stack: raw objects, tables, versions and cache, and a receipt of it."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config, load_config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order, Receipt
from lakemint.errors import LakemintError
from lakemint.names import Reference
from lakemint.published.verify import verify
from lakemint.store import Store
from lakemint.subjects import Subjects
from tests.integration.small_dataset import DATASET, SmallDataset, run_job

WHO = "Zoë Quillfeather"
WHEN = "2026-11-23T12:00:00+00:00"
COLUMNS = ["who", "text", "kind"]
SOURCES = {
    "mail": {"format": "tsv", "columns": COLUMNS},
    "chat": {"format": "jsonl", "columns": COLUMNS},
}
STRINGS: list[dict[str, Any]] = [{"name": name, "logicalType": "string"} for name in COLUMNS]
STRINGS[0] = {**STRINGS[0], "customProperties": [{"property": "dataSubject", "value": True}]}
RECIPE: dict[str, Any] = {
    "refine": [{"normalize_text": {"columns": ["text"]}}, {"drop": {"empty": ["text"]}}],
    "label": {"known": "kind"},
}
STAGES = ("ingest", "refine", "gate silver", "label_collect", "assemble", "gate gold", "publish")


def road() -> None:
    for stage in STAGES:
        name, *arguments = stage.split()
        run_job(name, DATASET, *arguments)


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    """Two published versions, in each of which the subject has a row that nobody else gave."""
    monkeypatch.setenv("LAKEMINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAKEMINT_LABEL_STUDIO_URL", "")
    folder = tmp_path / "schemas"
    folder.mkdir()
    notes = SmallDataset(config, spark, folder, monkeypatch)
    notes.write(SOURCES, STRINGS, STRINGS[1:2], **RECIPE)
    mail = [("Bob", "a letter of Bob's", "good"), (WHO, "one kumquat", "bad"), (WHO, "shared", "bad")]
    notes.land("mail/a.tsv", "".join("\t".join(row) + "\n" for row in mail).encode())
    notes.land("mail/b.tsv.gz", gzip.compress(f"Bob\tshared\tbad\n{WHO}\tno kind of kumquat\n".encode()))
    road()
    chat = [(WHO, "more kumquats", "good"), ("Eve", "a word of Eve's", "bad")]
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in chat]
    notes.land("chat/c.jsonl", "\n".join(lines).encode())
    road()
    for number in (1, 2):
        texts(number)
    return notes


def texts(number: int) -> set[str]:
    version = lakemint.open(f"{DATASET}@{number}", config=load_config())
    tables = [version[split].to_table() for split in version.splits]
    return {text for table in tables for text in table.column("text").to_pylist()}


def order(notes: SmallDataset) -> Order:
    return Erasures(notes.store, notes.lake, DATASET).order(Subjects("who", WHO), "ana", WHEN)[0]


def found(notes: SmallDataset) -> list[str]:
    """Where any byte of the subject is still to be found."""
    files = [path for path in load_config().cache_folder().rglob("*") if path.is_file()]
    words = ("kumquat", "Quillfeather")
    cached = [str(path) for path in files for word in words if word.encode() in path.read_bytes()]
    return [*holding_in_store(notes.store, *words), *cached]


def holding_in_store(store: Store, *words: str) -> list[str]:
    """The keys of objects that hold one of the words, unpacked and decoded."""
    return [item.key for item in store.list("") if any(word in said(store, item.key) for word in words)]


def said(store: Store, key: str) -> str:
    data = store.get(key)
    text = data.decode(errors="replace")
    if key.endswith(".gz"):
        text += gzip.decompress(data).decode(errors="replace")
    if key.endswith(".parquet"):
        file = pq.ParquetFile(io.BytesIO(data))
        text += repr(file.read().to_pylist()) + repr(file.metadata.to_dict())
    return text


def test_nothing_of_the_subject_is_left_and_the_road_goes_on(notes: SmallDataset) -> None:
    assert texts(1) == {"a letter of Bob's", "one kumquat", "shared"}
    assert texts(2) == texts(1) | {"more kumquats", "a word of Eve's"}
    assert found(notes)
    one = order(notes)

    plan = run_job("erase", DATASET, one.erasure, "plan").details
    assert (plan["records"], plan["objects"]) == (4, 3)
    assert plan["versions"] == [{"version": 1, "rows": 2}, {"version": 2, "rows": 3}]
    assert texts(2) >= {"one kumquat"}, "a plan changes nothing"

    outcome = run_job("erase", DATASET, one.erasure)
    assert (outcome.changed, outcome.counts) == (True, {one.erasure: 4})
    receipt = Erasures(notes.store, notes.lake, DATASET).read(one.erasure)
    assert isinstance(receipt, Receipt)
    assert receipt.is_about(Subjects("who", f"  {WHO} ", "nobody"))
    assert not receipt.is_about(Subjects("who", "Bob"))
    assert [(version.version, version.rows) for version in receipt.versions] == [(1, 2), (2, 3)]
    assert receipt.rows == plan["rows"]
    assert found(notes) == []

    assert texts(1) == {"a letter of Bob's"}
    assert texts(2) == {"a letter of Bob's", "a word of Eve's"}
    for number in (1, 2):
        assert verify(load_config(), Reference(DATASET, number)).sound

    road()
    assert texts(3) == {"a letter of Bob's", "a word of Eve's", "shared"}, "Bob gave it too"
    with pytest.raises(LakemintError, match="is complete"):
        run_job("erase", DATASET, one.erasure)
    again = order(notes)
    assert run_job("erase", DATASET).changed is False
    last = Erasures(notes.store, notes.lake, DATASET).read(again.erasure)
    assert isinstance(last, Receipt) and (last.records, last.versions) == (0, [])
    assert texts(3) == {"a letter of Bob's", "a word of Eve's", "shared"}
