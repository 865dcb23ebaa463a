"""Ingest on the real store and the real Spark: every raw line is somewhere exactly once, whatever happens."""

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config
from lakemint.errors import LakemintError, RecipeError
from lakemint.job.outcome import Outcome
from tests.integration.small_dataset import DATASET, SmallDataset
from tests.support import job_path

TEXT = {"name": "text", "logicalType": "string"}
SOURCES = {
    "mail": {"format": "tsv", "columns": ["id", "text"]},
    "chat": {"format": "jsonl", "columns": ["id", "text", "stars"]},
    "sheets": {"format": "csv", "columns": ["id", "text"]},
    "scans": {"format": "file", "path": "{label}/{name}.png", "content": "image"},
}

CONTENT = ["text", "image"]


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    dataset = SmallDataset(config, spark, tmp_path, monkeypatch)
    dataset.write(SOURCES, [TEXT], content=CONTENT)
    return dataset


def test_every_format_lands_in_bronze_with_its_provenance(notes: SmallDataset) -> None:
    notes.land("mail/a.tsv", b"\xef\xbb\xbf1\thello\r\n2\tworld")
    notes.land("chat/b/c.jsonl.gz", gzip.compress('{"id": 7, "text": "é", "stars": null}\n'.encode()))
    notes.land("sheets/d.csv", b'1,"two\nlines"\n2,x\n')
    notes.land("scans/7/e.png", b"\x89PNG\0\xff")
    outcome = notes.run("ingest")

    assert outcome == Outcome(
        "bronze/notes", "0", changed=True, counts={"objects": 4, "records": 6, "quarantined": 0}
    )
    etags = {item.key: item.etag for item in notes.store.list("raw/")}
    nothing: dict[str, object] = dict.fromkeys(["id", "text", "stars", "label", "name", "image"])
    expected: list[tuple[str, int, str, dict[str, object]]] = [
        ("chat/b/c.jsonl.gz", 1, "chat", {"id": "7", "text": "é"}),
        ("mail/a.tsv", 1, "mail", {"id": "1", "text": "hello"}),
        ("mail/a.tsv", 2, "mail", {"id": "2", "text": "world"}),
        ("scans/7/e.png", 0, "scans", {"label": "7", "name": "e", "image": b"\x89PNG\0\xff"}),
        ("sheets/d.csv", 1, "sheets", {"id": "1", "text": "two\nlines"}),
        ("sheets/d.csv", 3, "sheets", {"id": "2", "text": "x"}),
    ]
    assert notes.rows("bronze") == [
        {
            "object": f"raw/notes/{name}",
            "line": line,
            "etag": etags[f"raw/notes/{name}"],
            "batch": 1,
            "source": source,
            **nothing,
            **fields,
        }
        for name, line, source, fields in expected
    ]
    assert notes.rows("quarantine") == []


BAD = {
    "chat/malformed.jsonl": (b'{"id": 1, "text"', [(1, "malformed JSON")]),
    "chat/list.jsonl": (b"[1]\n", [(1, "not a JSON object")]),
    "chat/missing.jsonl": (b'{"id": 1, "text": "a"}\n', [(1, "missing field: stars")]),
    "chat/deep.jsonl": (b"[" * 200_000 + b"\n", [(1, "JSON nested too deep")]),
    "mail/columns.tsv": (
        b"1\n1\t2\t3\n",
        [(n, f"wrong column count: {k} instead of 2") for n, k in ((1, 1), (2, 3))],
    ),
    "mail/encoding.tsv": (b"1\t\xff\xfe\n", [(1, "bad encoding")]),
    "mail/nul.tsv": (b"1\ta\0b\n", [(1, "NUL character")]),
    "mail/blank.tsv": (b"\n\r\n", [(1, "blank line"), (2, "blank line")]),
    "mail/empty.tsv": (b"", [(0, "empty object")]),
    "mail/plain.tsv.gz": (b"1\tplain text\n", [(0, "not gzip")]),
    "mail/archive.zip": (b"PK\x03\x04", [(0, "unknown format: .zip")]),
    "mail/long.tsv": (b"x" * (17 * 1024 * 1024), [(1, "line too long")]),
    "sheets/quote.csv": (b'1,"a\n', [(1, "malformed CSV")]),
    "scans/name.jpg": (b"\xff\xd8", [(0, "unknown format: not named like {label}/{name}.png")]),
    "scans/7/empty.png": (b"", [(0, "empty object")]),
}


def test_what_cannot_be_read_is_quarantined_where_it_stands(notes: SmallDataset) -> None:
    for key, (data, _) in BAD.items():
        notes.land(key, data)
    notes.land("mail/good.tsv", b"1\thello\n")
    outcome = notes.run("ingest")

    expected = sorted(
        (f"raw/notes/{key}", line, reason) for key, (_, rows) in BAD.items() for line, reason in rows
    )
    found = notes.rows("quarantine", "object", "line", "reason", "head", "batch", "source")
    assert sorted((row["object"], row["line"], row["reason"]) for row in found) == expected
    for row in found:
        data = BAD[row["object"].removeprefix("raw/notes/")][0]
        assert row["head"] in data
        assert len(row["head"]) == min(256, len(data)) or row["line"] > 0
        assert row["source"] == row["object"].split("/")[2]
    assert [row["text"] for row in notes.rows("bronze", "text")] == ["hello"]
    assert outcome.counts == {"objects": len(BAD) + 1, "records": 1, "quarantined": len(expected)}


def test_half_a_gzip_gives_its_first_half_and_says_where_it_ends(notes: SmallDataset) -> None:
    lines = b"".join(
        b"%d\t%s\n" % (number, hashlib.sha256(b"%d" % number).hexdigest().encode()) for number in range(1000)
    )
    notes.land("mail/half.tsv.gz", gzip.compress(lines)[:20_000])
    notes.run("ingest")
    whole = [line.split(b"\t")[1].decode() for line in lines.splitlines()]
    found = sorted(notes.rows("bronze", "line", "text"), key=lambda row: row["line"])
    assert 100 < len(found) < 900
    assert [row["text"] for row in found] == whole[: len(found)]
    (rest,) = notes.rows("quarantine", "line", "reason", "head")
    assert (rest["line"], rest["reason"]) == (len(found) + 1, "truncated gzip")
    assert lines.splitlines()[len(found)].startswith(rest["head"])


def test_a_gzip_bomb_does_not_stop_the_road(notes: SmallDataset) -> None:
    notes.land("mail/bomb.tsv.gz", gzip.compress(bytes(1024 * 1024 * 1024), compresslevel=9))
    notes.land("mail/good.tsv", b"1\thello\n")
    assert notes.run("ingest").counts == {"objects": 2, "records": 1, "quarantined": 1}
    assert notes.rows("quarantine", "reason") == [{"reason": "line too long"}]


def test_a_large_file_is_kept_whole(notes: SmallDataset) -> None:
    large = os.urandom(40 * 1024 * 1024)
    notes.land("scans/7/large.png", large)
    assert notes.run("ingest").counts["records"] == 1
    assert notes.rows("bronze", "image") == [{"image": large}]


def test_a_second_run_changes_nothing(notes: SmallDataset) -> None:
    notes.land("mail/a.tsv", b"1\thello\nbad\n")
    first = notes.run("ingest")
    versions = [notes.version(table) for table in ("objects", "bronze", "quarantine")]
    assert notes.run("ingest") == Outcome("bronze/notes", first.identity, changed=False)
    assert [notes.version(table) for table in ("objects", "bronze", "quarantine")] == versions


def test_only_new_objects_are_read_and_new_bytes_are_a_new_object(notes: SmallDataset) -> None:
    notes.land("mail/a.tsv", b"1\thello\n")
    notes.land("mail/b.tsv", b"1\tworld\n")
    notes.run("ingest")
    notes.land("mail/a.tsv", b"1\thello again\n")
    notes.land("chat/c.jsonl", b'{"id": 1, "text": "c", "stars": 5}')
    outcome = notes.run("ingest")
    assert outcome.counts == {"objects": 2, "records": 2, "quarantined": 0}
    assert outcome.identity == str(notes.version("bronze"))
    found = {(row["batch"], row["text"]) for row in notes.rows("bronze", "batch", "text")}
    assert found == {(1, "hello"), (1, "world"), (2, "hello again"), (2, "c")}


def test_a_source_added_later_adds_its_columns(notes: SmallDataset) -> None:
    notes.write({"mail": SOURCES["mail"]}, [TEXT])
    notes.land("mail/a.tsv", b"1\thello\n")
    notes.run("ingest")
    notes.write(SOURCES, [TEXT], content=CONTENT)
    notes.land("chat/c.jsonl", b'{"id": 1, "text": "c", "stars": 5}')
    notes.run("ingest")
    found = {(row["text"], row["stars"]) for row in notes.rows("bronze", "text", "stars")}
    assert found == {("hello", None), ("c", "5")}


def test_nothing_landed_is_said_and_not_written(notes: SmallDataset) -> None:
    with pytest.raises(
        LakemintError, match="no raw objects; land some under raw/notes/chat/, raw/notes/mail/"
    ):
        notes.run("ingest")
    assert notes.version("bronze") is None


def test_a_run_that_died_after_its_first_table_is_made_good(notes: SmallDataset, spark: SparkSession) -> None:
    """Also when what it had read is no longer there: bronze holds just what `objects` names."""
    notes.land("mail/a.tsv", b"1\thello\nbad\n")
    notes.land("mail/b.tsv", b"1\tworld\nbad\n")
    notes.run("ingest")
    notes.land("mail/c.tsv", b"1\tfirst\nbad\n")
    notes.run("ingest")
    uri = notes.lake.table("objects", DATASET)
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE batch = 2").collect()  # noqa: S608
    notes.land("mail/c.tsv", b"1\tsecond\n")
    assert notes.run("ingest").changed
    assert {row["text"] for row in notes.rows("bronze", "text")} == {"hello", "world", "second"}
    assert len(notes.rows("quarantine")) == 2
    assert not notes.run("ingest").changed


def test_killed_at_any_time_and_run_again_gives_the_same_tables(
    notes: SmallDataset, config: Config, seed: int
) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for number in range(20):
        lines = [f"{line}\ttext {number} {line}" for line in range(100)] + ["bad"]
        notes.land(f"mail/{number}.tsv", "\n".join(lines).encode())
        expected.update(("bronze", line.split("\t")[1]) for line in lines[:-1])
        expected["quarantine", str(number)] += 1
    chance = random.Random(seed)  # noqa: S311
    kills = 0
    command = [sys.executable, str(job_path("ingest")), DATASET]
    for longest in (2, 4, 6, 9):  # the first is killed before it can be done
        job = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
        try:
            job.wait(timeout=chance.uniform(1, longest))
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            kills += 1
        job.communicate()
    # A killed job's last statement may still be at work in the server; the next run is then told so.
    for _ in range(5):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            break
        assert "still writing the same table" in done.stderr
    assert json.loads(done.stdout.split("LAKEMINT-OUTCOME ")[1])["subject"] == "bronze/notes"
    assert kills > 0

    found = Counter(("bronze", row["text"]) for row in notes.rows("bronze", "text"))
    found.update(
        ("quarantine", row["object"].split("/")[-1][:-4]) for row in notes.rows("quarantine", "object")
    )
    assert found == expected
    objects = notes.rows("objects", "object", "batch", "records", "quarantined")
    assert len(objects) == 20
    assert all((row["batch"], row["records"], row["quarantined"]) == (1, 100, 1) for row in objects)


def test_a_source_that_is_read_in_another_way_is_read_anew(notes: SmallDataset) -> None:
    notes.land("mail/a.tsv", b"1\thello\nbad\n")
    notes.land("chat/c.jsonl", b'{"id": 1, "text": "c", "stars": 5}')
    notes.run("ingest")
    turned = {**SOURCES, "mail": {"format": "tsv", "columns": ["text"]}}
    notes.write(turned, [TEXT], content=CONTENT)
    outcome = notes.run("ingest")
    assert outcome.counts == {"objects": 1, "records": 1, "quarantined": 1}
    assert {row["text"] for row in notes.rows("bronze", "text")} == {"bad", "c"}
    assert [row["reason"] for row in notes.rows("quarantine", "reason")] == [
        "wrong column count: 2 instead of 1"
    ]
    assert len(notes.rows("objects")) == 2
    assert not notes.run("ingest").changed


def test_a_column_cannot_change_its_type_under_the_same_name(notes: SmallDataset) -> None:
    notes.write({"mail": SOURCES["mail"]}, [TEXT])
    notes.land("mail/a.tsv", b"1\thello\n")
    notes.run("ingest")
    notes.write({"mail": {"format": "file", "content": "text"}}, [TEXT])
    with pytest.raises(RecipeError, match=r"'text' is string in bronze/notes, but binary.*another name"):
        notes.run("ingest")
