"""`lakemint train` and `lakemint training …` as a user meets them."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lakemint.cli import main
from lakemint.config import Config
from tests.unit.cli.runs import Run
from tests.unit.handover.handovers import READ, SLEEP
from tests.unit.small_version import publish, row, settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = replace(settings(tmp_path), home=tmp_path / "home")
    publish(config, [row(index) for index in range(20)])
    for name, value in (("LAKE", config.lake), ("CACHE", config.cache), ("HOME", str(config.home))):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    return config


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`lakemint …`: exit status, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lakemint", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def command(code: str, *options: str, name: str = "exp-7") -> list[str]:
    given = ["train", "notes@1", "--run", name, "--with", "process", *options]
    return [*given, "--", sys.executable, "-c", code]


def test_a_training_is_watched_to_its_end(config: Config, run: Run) -> None:
    status, out, err = run(*command(READ))
    assert (status, "exp-7: succeeded, notes@1; its log: " in out) == (0, True), err
    assert "handed over to process" in err
    assert "20 examples, 1 rank" in run("version", "consumers", "notes@1")[1]
    status, out, _ = run(*command(READ, "--json"))
    told = json.loads(out)
    assert (status, told["run"], told["attempt"], told["state"]) == (0, "exp-7", 1, "succeeded")


def test_one_that_failed_is_an_error_with_its_last_words(config: Config, run: Run) -> None:
    status, out, err = run(*command("print('no GPU'); raise SystemExit(3)"))
    assert (status, out) == (1, "")
    assert "failed; all it said: " in err
    assert err.endswith("no GPU\nexit status 3\n")
    assert "Traceback" not in err


def test_a_dry_run_shows_what_would_be_started_and_starts_nothing(config: Config, run: Run) -> None:
    status, out, _ = run(*command(SLEEP, "--dry-run"))
    assert status == 0
    assert out.startswith("LAKEMINT_HANDOVER='{")
    told = json.loads(run(*command(SLEEP, "--dry-run", "--json"))[1])
    assert told["rendered"] == out
    assert (told["version"], told["program"][-1]) == (1, SLEEP)
    assert "nothing of notes was handed over" in run("training", "list", "notes")[1]
    assert not (config.trainings_folder()).exists()


def test_trainings_are_listed_shown_and_stopped(config: Config, run: Run) -> None:
    assert run(*command(SLEEP, "--no-wait"))[0] == 0
    (line,) = [line.split() for line in run("training", "list", "notes")[1].splitlines() if "exp-7" in line]
    assert line == ["exp-7", "notes@1", "process", "1", "1", "running"]
    assert run("training", "stop", "notes", "exp-7")[1].endswith(": failed\n")
    status, out, _ = run("training", "show", "notes", "exp-7")
    assert (status, out.splitlines()[-1]) == (0, "it was stopped")
    (told,) = json.loads(run("training", "list", "notes", "--json")[1])
    assert told["state"] == "failed"


def test_an_option_without_a_value_is_told(config: Config, run: Run) -> None:
    status, _, err = run(*command(SLEEP, "--option", "partition"))
    assert (status, "write one like partition=gpu" in err) == (1, True)
