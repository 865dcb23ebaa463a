"""`lakemint table show` on the real Spark: what left the road is counted, named, and harmless to look at."""

import json
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakemint.cli import main
from lakemint.config import Config, load_config
from lakemint.spark import _retries as retries
from tests.integration.small_dataset import SmallDataset
from tests.unit.cli.runs import Run as Show

SOURCES = {"mail": {"format": "tsv", "columns": ["id", "text"]}}
TEXT = {"name": "text", "logicalType": "string"}
HOSTILE = b"\x1b[2J\x1b]0;owned\x07\xff no tab"
LONG = b"x" * 5000


@pytest.fixture(scope="module")
def left(stack: Config, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The settings of a lake with the dataset `notes`, some of whose records left the road."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEMINT_LAKE", f"{stack.lake}/{uuid.uuid4().hex[:12]}")
        patch.setenv("LAKEMINT_S3_ENDPOINT", stack.s3_endpoint)
        notes = SmallDataset(load_config(), spark, tmp_path_factory.mktemp("schemas"), patch)
        notes.write(SOURCES, [TEXT], refine=[{"drop": {"empty": ["text"]}}])
        notes.land("mail/a.tsv", b"1\tone\n" + HOSTILE + b"\n2\ttwo\n3\tone\n")
        notes.land("mail/b.tsv", b"4\t\n\n" + LONG + b"\n5\tone\n")
        notes.run("ingest")
        notes.run("refine")
        yield


@pytest.fixture
def show(left: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """`lakemint table show …`: exit status, stdout, stderr."""

    def show(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lakemint", "table", "show", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return show


def parsed(show: Show, *arguments: str) -> dict[str, Any]:
    status, out, _ = show(*arguments, "--json")
    assert status == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_what_could_not_be_read_is_told_by_reason_and_row(show: Show) -> None:
    status, out, _ = show("notes", "quarantine")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "quarantine/notes, version 0: 3 rows"
    assert [line.split("  ")[-1][:18] for line in lines[1:4]].count("wrong column count") == 1
    assert "  1  blank line" in lines
    assert any(line.startswith("raw/notes/mail/a.tsv:2  bad encoding") for line in lines)
    assert "raw/notes/mail/b.tsv:2  blank line  source=mail  head=" in lines


def test_nothing_in_a_record_steers_the_terminal_or_fills_it(show: Show) -> None:
    _, out, _ = show("notes", "quarantine")
    assert "owned" in out
    assert all(char.isprintable() for char in out.replace("\n", ""))
    assert max(map(len, out.splitlines())) < 300
    heads = [row["head"] for row in parsed(show, "notes", "quarantine")["shown"]]
    assert max(map(len, heads)) <= 200
    assert any(r"\xff no tab" in head for head in heads)


def test_what_was_rejected_names_its_survivor(show: Show) -> None:
    _, out, _ = show("notes", "rejected")
    lines = out.splitlines()
    assert lines[:3] == ["rejected/notes, version 0: 3 rows", "  2  duplicate.exact", "  1  empty.text"]
    place = "raw/notes/mail/a.tsv:4  duplicate.exact  like raw/notes/mail/a.tsv:1  source=mail  stage=refine"
    assert any(line.startswith(place) for line in lines)


def test_rows_are_chosen_by_reason_and_object_and_limited(show: Show) -> None:
    found = parsed(show, "notes", "rejected", "--where", "reason=duplicate", "--where", "object=b.tsv")
    assert (found["rows"], found["reasons"]) == (1, {"duplicate.exact": 1})
    assert [row["object"] for row in found["shown"]] == ["raw/notes/mail/b.tsv"]
    assert parsed(show, "notes", "rejected", "--where", "line=1", "--where", "line=4")["rows"] == 0
    _, out, _ = show("notes", "rejected", "--limit", "1")
    assert out.splitlines()[-1] == "… 2 more; --limit shows up to 1,000"
    assert parsed(show, "notes", "rejected", "--limit", "0")["shown"] == []


def test_any_table_can_be_looked_at(show: Show) -> None:
    status, out, _ = show("notes", "silver")
    assert status == 0
    assert out.splitlines()[0] == "silver/notes, version 0: 2 rows"
    assert "raw/notes/mail/a.tsv:1  sample_id=" in out
    assert "text=one" in out


def test_what_is_not_there_is_said_in_words(show: Show) -> None:
    for arguments, told in (
        (("notes", "gold"), "there is no gold/notes yet; `lakemint run notes` makes it"),
        (("nots", "rejected"), "no dataset 'nots' in"),
        (("notes", "rejcted"), "no table 'rejcted': there are objects, bronze, quarantine"),
        (("notes", "silver", "--where", "reason=x"), "silver/notes has no column 'reason' to choose rows by"),
        (("notes", "silver", "--where", "text"), "--where 'text': write COLUMN=TEXT"),
    ):
        status, out, err = show(*arguments)
        assert (status, out) == (1, "")
        assert told in err


def test_a_spark_server_that_is_away_is_one_line(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEMINT_SPARK_REMOTE", "sc://localhost:9")
    monkeypatch.setattr("lakemint.spark._retries", lambda spark, number: retries(spark, 0))
    status, _, err = show("notes", "rejected")
    assert status == 1
    assert err.startswith("error: the Spark server does not answer")
    assert "Traceback" not in err
