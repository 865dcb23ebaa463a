"""`lakemint version consumers` and `lakemint blast-radius` as a user meets them."""

import json
import sys
from pathlib import Path

import pytest

import lakemint
from lakemint.cli import main
from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.store import open_store
from tests.unit.cli.runs import Run
from tests.unit.lineage.traced import Traced, note
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.published.retired import LONG, retire, sweep
from tests.unit.small_version import DATASET, age, settings

ROWS = [note(index, "test" if index % 5 == 0 else "train") for index in range(60)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """notes@1, and one run that read 1.5 epochs of it."""
    config = settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    monkeypatch.setenv("COLUMNS", "120")
    Traced(config).publish(ROWS, [("a1", ROWS[0])])
    with lakemint.run("exp-7", model="models:/notes/1") as run:
        loader = lakemint.open("notes@1", "train", config=config).loader(12, seed=1, run=run)
        list(loader)
        for _ in zip(range(2), loader, strict=False):
            pass
    return config


@pytest.fixture
def blast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lakemint", "blast-radius", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_consumers_are_a_table(config: Config, run: Run) -> None:
    status, out, err = run("consumers", "notes@1")
    assert (status, err) == (0, "")
    digest = lakemint.open("notes@1", config=config).digest[:12]
    for words in (
        "exp-7",
        "train, 1.50 epochs",
        "72 examples, 1 rank",
        "complete",
        "models:/notes/1",
        digest,
    ):
        assert words in out


def test_a_run_that_read_by_weights_says_by_which(config: Config, run: Run) -> None:
    assert "weighted" not in run("consumers", "notes@1")[1]
    with lakemint.run("exp-8") as reader:
        list(lakemint.open("notes@1", "train", config=config).balanced("label").loader(12, run=reader))
    assert "weighted by label" in run("consumers", "notes@1")[1]
    told = json.loads(run("consumers", "notes@1", "--json")[1])["runs"]
    assert [one["order"]["weights"] is None for one in told] == [True, False]


def test_consumers_for_programs_and_in_openlineages_words(config: Config, run: Run) -> None:
    status, out, _ = run("consumers", "notes@1", "--json")
    (one,) = json.loads(out)["runs"]
    assert (status, one["run"], one["ranges"], one["revision"]) == (0, "exp-7", [[0, 72]], "present")
    status, out, _ = run("consumers", "notes@1", "--openlineage")
    told = [json.loads(line) for line in out.splitlines()]
    assert [event["eventType"] for event in told] == ["START", "COMPLETE"]
    assert {event["run"]["runId"] for event in told} == {*one["attempts"]}


def test_a_run_before_an_erasure_is_marked(config: Config, run: Run) -> None:
    erase(config, sought(ROWS[1]))
    _, out, _ = run("consumers", "notes@1")
    assert "1 rows erased since" in out


def test_a_version_that_nobody_read_says_so(config: Config, run: Run) -> None:
    Traced(config).publish([*ROWS, note(99)])
    assert run("consumers", "notes@2") == (0, "no run left a receipt of notes@2\n", "")


def test_unreadable_receipts_are_told_on_stderr(config: Config, run: Run) -> None:
    key = Lake(config.lake).receipt(DATASET, 1, "00000000-0000-4000-8000-000000000001")
    open_store(config).put(key, b"\x1b[31m")
    status, out, err = run("consumers", "notes@1")
    assert (status, "exp-7" in out) == (0, True)
    assert err.startswith(f"not counted: {key}")
    assert "\x1b" not in err


def test_a_blast_radius_is_told_in_tables(config: Config, blast: Run) -> None:
    status, out, err = blast(DATASET, "--source", "chat")
    assert (status, err) == (0, "")
    assert "source chat: rows in 1 of 1 version of notes" in out
    for words in ("train 16 of 48 · test 4 of 12", "silver", "exp-7", "16 of 16 bad rows"):
        assert words in out


def test_versions_that_are_gone_are_said_not_to_be_searched(config: Config, blast: Run) -> None:
    Traced(config).publish([*ROWS, note(99)])
    retire(config)
    age(config, LONG)
    sweep(config)
    status, out, _ = blast(DATASET, "--source", "chat")
    assert status == 0
    assert "rows in 1 of 1 version of notes\nnot searched, since they were retired and" in out
    assert " files of them are gone: notes@1\n" in out


def test_a_blast_radius_for_programs(config: Config, blast: Run) -> None:
    status, out, _ = blast(DATASET, "--annotator", "a1", "--json")
    told = json.loads(out)
    assert (status, told["kind"], told["names"]) == (0, "annotator", ["a1"])
    assert [one["rows"]["test"] for one in told["versions"]] == [{"rows": 1, "of": 12}]
    assert told["runs"] == []  # it read the other split
    assert told["examples"] == [ROWS[0]["sample_id"]]


def test_nothing_bad_is_one_line(config: Config, blast: Run) -> None:
    status, out, _ = blast(DATASET, "--source", "quiet")
    assert (status, out) == (0, "source quiet: rows in 0 of 1 version of notes\n")


@pytest.mark.parametrize("asked", [(), ("--source", "chat", "--sample", "f" * 32)])
def test_one_kind_must_be_asked_by(config: Config, blast: Run, asked: tuple[str, ...]) -> None:
    status, _, err = blast(DATASET, *asked)
    assert (status, err) == (1, "error: ask by one of --source, --object, --annotator and --sample\n")


def test_an_unknown_name_is_one_line_that_names_those_there_are(config: Config, blast: Run) -> None:
    status, out, err = blast(DATASET, "--annotator", "zoe")
    assert (status, out, err) == (1, "", "error: notes has no annotator zoe; there are a1\n")
