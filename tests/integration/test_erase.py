"""An erasure by its job, on the real stack: raw objects, tables, versions and cache, and a receipt of it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config, load_config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order, Receipt
from lakemint.errors import LakemintError
from lakemint.names import Reference
from lakemint.published.card import card
from lakemint.published.verify import verify
from lakemint.subjects import Subjects
from tests.integration.small_dataset import DATASET, SmallDataset, take_road, texts, tsv
from tests.integration.traces import objects_with
from tests.support import run_job

WHO = "Zoë Quillfeather"
WIDE = "\uff3aoë Quillfeather"
"""The same name in silver, where the recipe normalises it."""
WHEN = "2026-11-23T12:00:00+00:00"
COLUMNS = ["who", "text", "kind"]
SOURCES = {
    "mail": {"format": "tsv", "columns": COLUMNS},
    "chat": {"format": "jsonl", "columns": COLUMNS},
}
FAX = {"fax": {"format": "csv", "columns": COLUMNS}}
STRINGS: list[dict[str, Any]] = [{"name": name, "logicalType": "string"} for name in COLUMNS]
STRINGS[0] = {**STRINGS[0], "customProperties": [{"property": "dataSubject", "value": True}]}
RECIPE: dict[str, Any] = {
    "refine": [
        {"normalize_text": {"columns": ["who", "text"], "form": "NFKC"}},
        {"drop": {"empty": ["text"]}},
    ],
    "label": {"known": "kind"},
}
ASKED: dict[str, Any] = {
    "form": "label.xml",
    "sample": {"size": 9},
    "answers": {"per_sample": 1},
    "replay": {"columns": ["text", "ratings"], "key": "text", "answers": "ratings"},
}


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    """Two published versions, in each of which the subject has a row that nobody else gave.

    The second one's recipe no longer names a source of the first. Now people are asked, or recorded answers.
    """
    monkeypatch.setenv("LAKEMINT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "schemas"
    folder.mkdir()
    notes = SmallDataset(config, spark, folder, monkeypatch)
    notes.write({**SOURCES, **FAX}, STRINGS, STRINGS[1:2], **RECIPE)
    notes.land("fax/a.csv", f'Bob,a fax of Bob\'s,good\n{WHO},"a kumquat\nby fax",bad\n'.encode())
    mail = [("Bob", "a letter of Bob's", "good"), (WIDE, "one  kumquat", "bad"), (WHO, "shared", "bad")]
    notes.land("mail/a.tsv", tsv(mail).encode())
    notes.land("mail/b.tsv.gz", gzip.compress(f"Bob\tshared\tbad\n{WHO}\tno kind of kumquat\n".encode()))
    take_road()
    notes.write(SOURCES, STRINGS, STRINGS[1:2], **RECIPE)
    chat = [(WHO, "more kumquats", "good"), ("Eve", "a word of Eve's", "bad")]
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in chat]
    notes.land("chat/c.jsonl", "\n".join(lines).encode())
    take_road()
    for number in (1, 2):
        texts(number)
    notes.write(SOURCES, STRINGS, STRINGS[1:2], **{**RECIPE, "label": ASKED})
    notes.land("forgotten/a.tsv", f"Bob\tforgotten\n{WHO}\ta forgotten kumquat\n".encode())
    notes.store.put("recorded/notes/mail.txt", b"a letter of Bob's\t[1]\none kumquat\t[2]\n")
    notes.store.put("recorded/notes/fax.txt", f"{WHO} by hand\na kumquat by fax\t[3]\n".encode())
    return notes


def order(notes: SmallDataset) -> Order:
    """Agreed to by nobody yet."""
    order = Erasures(notes.store, notes.lake, DATASET).order(Subjects("who", WHO), "ana", WHEN)
    assert isinstance(order, Order)
    return order


def found(notes: SmallDataset) -> list[str]:
    """Where any byte of the subject is still to be found."""
    files = [path for path in load_config().cache_folder().rglob("*") if path.is_file()]
    words = ("kumquat", "Quillfeather")
    cached = [str(path) for path in files for word in words if word.encode() in path.read_bytes()]
    return [*objects_with(words, notes.store), *cached]


def test_nothing_of_the_subject_is_left_and_the_road_goes_on(notes: SmallDataset) -> None:
    assert texts(1) == {"a letter of Bob's", "a fax of Bob's", "a kumquat by fax", "one kumquat", "shared"}
    assert texts(2) == {"a letter of Bob's", "one kumquat", "shared", "more kumquats", "a word of Eve's"}
    assert found(notes)
    one = order(notes)

    plan = run_job("erase", DATASET, one.erasure, "plan").details
    assert (plan["records"], plan["unread"], plan["objects"], plan["recorded"]) == (6, 2, 5, 3)
    assert plan["versions"] == [{"version": 1, "rows": 3}, {"version": 2, "rows": 3}]
    assert texts(2) >= {"one kumquat"}, "a plan changes nothing"

    with pytest.raises(LakemintError, match="was not agreed to"):
        run_job("erase", DATASET, one.erasure)
    assert run_job("erase", DATASET).counts == {}, "nor among all that is due"
    Erasures(notes.store, notes.lake, DATASET).agree(one)
    outcome = run_job("erase", DATASET, one.erasure)
    assert (outcome.changed, outcome.counts) == (True, {one.erasure: 6})
    receipt = Erasures(notes.store, notes.lake, DATASET).read(one.erasure)
    assert isinstance(receipt, Receipt)
    assert receipt.is_about(Subjects("who", f"  {WHO} ", "nobody"))
    assert not receipt.is_about(Subjects("who", "Bob"))
    assert [(version.version, version.rows) for version in receipt.versions] == [(1, 3), (2, 3)]
    assert (receipt.rows, receipt.recorded) == (plan["rows"], 3)
    assert found(notes) == []
    kept = [notes.store.get(f"raw/notes/{name}") for name in ("fax/a.csv", "forgotten/a.tsv")]
    assert kept == [b"Bob,a fax of Bob's,good\n\n\n", b"Bob\tforgotten\n\n"]
    assert notes.store.get("recorded/notes/mail.txt") == b"a letter of Bob's\t[1]\n\n"

    assert texts(1) == {"a letter of Bob's", "a fax of Bob's"}
    assert texts(2) == {"a letter of Bob's", "a word of Eve's"}
    for number in (1, 2):
        assert verify(load_config(), Reference(DATASET, number)).sound
        files = [name.rpartition("/")[2] for name in card(load_config(), DATASET, number)["files"]]
        assert {"card.html", "card.md"} <= {*files}, "drawn anew"

    for stage in ("ingest", "refine"):
        notes.run(stage)
    left = {row["text"] for row in notes.rows("silver", "text")}
    assert left == {"a letter of Bob's", "a word of Eve's", "shared"}, "Bob gave it too"
    with pytest.raises(LakemintError, match="is complete"):
        run_job("erase", DATASET, one.erasure)
