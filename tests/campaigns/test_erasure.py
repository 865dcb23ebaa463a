"""A hundred people leave a dataset of five versions, answered in Label Studio: nothing of them is left."""

import gzip
import json
import uuid
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config, load_config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order, Receipt
from lakemint.label.project import find_project
from lakemint.label.studio import connect
from lakemint.names import Reference
from lakemint.published.verify import verify
from lakemint.spark import amend, spark_session
from lakemint.subjects import Subjects
from tests.integration.label_dataset import FORM
from tests.integration.small_dataset import DATASET, SmallDataset, take_road, texts, tsv
from tests.integration.traces import objects_with
from tests.support import run_job

pytestmark = pytest.mark.timeout(3600)
PEOPLE, LEAVING, VERSIONS = 160, 100, 5
COLUMNS = ["id", "who", "text"]
SOURCES = {
    "mail": {"format": "tsv", "columns": COLUMNS},
    "chat": {"format": "jsonl", "columns": COLUMNS},
}
STRINGS: list[dict[str, Any]] = [{"name": name, "logicalType": "string"} for name in COLUMNS]
STRINGS[1] = {**STRINGS[1], "customProperties": [{"property": "dataSubject", "value": True}]}
RECIPE: dict[str, Any] = {
    "refine": [{"normalize_text": {"columns": ["text"]}}, {"drop": {"empty": ["text"]}}],
    "label": {
        "form": "label.xml",
        "sample": {"size": 10_000},
        "answers": {"per_sample": 1},
        "classes": {"negative": ["-1"], "neutral": ["0"], "positive": ["1"]},
        "replay": {"columns": ["id", "mean", "ratings"], "key": "id", "answers": "ratings"},
    },
}


class Village:
    """The people, and what each of them says in which step."""

    def __init__(self) -> None:
        self.mark = f"kumquat{uuid.uuid4().hex[:12]}"
        """In all that those who leave say, and in their names."""

    def name(self, person: int) -> str:
        return f"Zoë {person} {self.mark}" if person < LEAVING else f"Bob {person}"

    def rows(self, step: int) -> list[tuple[str, str, str]]:
        """Everybody speaks in two of the steps: id, who and text."""
        return [
            (f"{step}-{person}", self.name(person), f"on day {step} {self.name(person)} counts to {person}")
            for person in range(PEOPLE)
            if (person + step) % VERSIONS < 2
        ]


def land(notes: SmallDataset, village: Village, step: int) -> None:
    rows = village.rows(step)
    mail, packed, chat = rows[::3], rows[1::3], rows[2::3]
    notes.land(f"mail/{step}.tsv", (tsv(mail) + f"{village.name(step)} without columns\n").encode())
    notes.land(f"mail/{step}.tsv.gz", gzip.compress(tsv(packed).encode()))
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in chat]
    notes.land(f"chat/{step}.jsonl", "\n".join(lines).encode())


def record_answers(notes: SmallDataset, village: Village) -> None:
    rows = [row for step in range(VERSIONS) for row in village.rows(step)]
    answers = "".join(f"{one}\t0.0\t{json.dumps([len(text) % 3 - 1])}\n" for one, _, text in rows)
    for source in SOURCES:
        notes.store.put(f"recorded/{DATASET}/{source}.txt", answers.encode())


def holding(notes: SmallDataset, home: Path, mark: str) -> list[str]:
    """Where the mark is to be found: objects, unpacked; files of all servers; this machine's cache."""
    files = [*home.rglob("*"), *load_config().cache_folder().rglob("*")]
    on_disk = [str(path) for path in files if path.is_file() and mark.encode() in unpacked(path.read_bytes())]
    return [*objects_with((mark,), notes.store), *on_disk]


def unpacked(data: bytes) -> bytes:
    """A file, and what is packed by gzip anywhere in it: SeaweedFS packs what looks like text."""
    parts, at = [data], data.find(b"\x1f\x8b\x08")
    while at >= 0:
        inflated = zlib.decompressobj(zlib.MAX_WBITS | 16)
        with suppress(zlib.error):
            parts.append(inflated.decompress(data[at:], 100_000_000))
        at = data.find(b"\x1f\x8b\x08", at + 3)
    return b"\n".join(parts)


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    monkeypatch.setenv("LAKEMINT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "schemas"
    folder.mkdir()
    made = SmallDataset(config, spark, folder, monkeypatch)
    made.write(SOURCES, STRINGS, STRINGS[2:], **RECIPE)
    (folder / DATASET / "label.xml").write_text(FORM)
    return made


def carried_out(notes: SmallDataset, subjects: Subjects) -> Receipt:
    erasures = Erasures(notes.store, notes.lake, DATASET)
    order = erasures.order(subjects, "ana", "2026-11-23T12:00:00+00:00")
    assert isinstance(order, Order)
    erasures.agree(order)
    run_job("erase", DATASET)
    receipt = erasures.read(order.erasure)
    assert isinstance(receipt, Receipt) and not receipt.is_due
    return receipt


def test_of_whom_no_row_is_left_the_history_says_nothing_either(notes: SmallDataset, config: Config) -> None:
    """Somebody deleted his raw object and his rows by hand: Delta still has the bytes."""
    who = f"Casper {uuid.uuid4().hex[:12]}"
    assert config.home is not None
    for key, name in (("g", who), ("h", "Bob")):
        notes.land(f"mail/{key}.tsv", f"{key}\t{name}\tboo, says {name}\n".encode())
    notes.run("ingest")
    notes.store.delete(f"raw/{DATASET}/mail/g.tsv")
    with spark_session(config) as spark:
        for table in ("bronze", "objects"):
            gone = spark.sql(f"SELECT 'raw/{DATASET}/mail/g.tsv' AS object")
            uri = notes.lake.table(table, DATASET)
            amend(gone, uri, "t.object = s.object", "WHEN MATCHED THEN DELETE", {})
    assert holding(notes, config.home, who)
    receipt = carried_out(notes, Subjects("who", who))
    assert (receipt.records, receipt.samples) == (0, 0)
    assert "\n".join(holding(notes, config.home, who)) == ""
    assert [row["who"] for row in notes.rows("bronze")] == ["Bob"]


def test_nothing_is_left_of_a_hundred_people(
    notes: SmallDataset, config: Config, record_property: Callable[[str, object], None]
) -> None:
    village = Village()
    assert config.home is not None
    record_answers(notes, village)
    for step in range(VERSIONS):
        land(notes, village, step)
        take_road("label_send", "label_replay", "label_collect")
    before = {number: texts(number) for number in range(1, VERSIONS + 1)}
    assert len(before[VERSIONS]) == sum(len(village.rows(step)) for step in range(VERSIONS))
    files = holding(notes, config.home, village.mark)
    for place in ("raw/", "tables/", "published/", "/s3/", "/label-studio/", "/cache/"):
        assert [one for one in files if place in one], f"what is in {place} must be found"

    wanted = Subjects("who", *map(village.name, range(LEAVING)))
    receipt = carried_out(notes, wanted)

    assert "\n".join(holding(notes, config.home, village.mark)) == ""
    assert len(receipt.subjects) == LEAVING
    assert receipt.recorded == receipt.records - receipt.unread > LEAVING
    assert [one.version for one in receipt.versions] == [*before]
    for version in receipt.versions:
        left = {text for text in before[version.version] if village.mark not in text}
        assert (texts(version.version), version.rows) == (left, len(before[version.version]) - len(left))
        assert verify(load_config(), Reference(DATASET, version.version)).sound
    record_property("subjects", LEAVING)
    record_property("versions", VERSIONS)
    record_property("records", receipt.records)
    record_property("rows of versions", sum(version.rows for version in receipt.versions))
    record_property("tasks", receipt.tasks)
    record_property("files with a byte of them before", len(files))
    with connect(config) as studio:
        project = find_project(studio, config, DATASET)
        assert project
        studio.write("DELETE", f"/api/projects/{project.id}/")
