"""`lakemint version export` as a user meets it."""

import json
from pathlib import Path

import pytest

from lakemint.config import Config
from lakemint.export.run import FORMATS
from tests.unit.cli.runs import Run
from tests.unit.small_version import publish, row, settings

ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    publish(config, ROWS)
    return config


@pytest.mark.usefixtures("config")
def test_an_export_is_one_line(run: Run) -> None:
    status, out, err = run("export", "notes@1", "out", "--dry-run")
    assert (status, err) == (0, "")
    assert out.startswith(
        "notes@1 would become 2 files of examples in out, as parquet, 40 rows (train 32, validation 0, "
    )
    assert not Path("out").exists()
    status, out, err = run("export", "notes@1", "out", "--to", "parquet")
    assert (status, err) == (0, "")
    assert out.startswith("notes@1: 5 files of parquet in out, ")
    assert out.endswith(" 40 rows (train 32, validation 0, test 8), each compared with the version\n")
    assert run("export", "notes@1", "out")[1].startswith("notes@1: out holds it already, 5 files, ")


@pytest.mark.usefixtures("config")
def test_an_export_for_programs(run: Run) -> None:
    status, out, _ = run("export", "notes@1", "out", "--json")
    told = json.loads(out)
    assert (status, told["name"], told["rows"], told["changed"]) == (0, "notes@1", 40, True)
    assert told["bytes"] == sum((Path("out") / name).stat().st_size for name in told["files"])


@pytest.mark.usefixtures("config")
def test_what_cannot_be_exported_is_one_line_on_stderr(run: Run) -> None:
    assert run("export", "notes@1", ".")[2].startswith("error: . is not empty and holds no export")
    assert run("export", "notes@1", "out", "--to", "pickle")[2].startswith(
        "error: no format 'pickle': there "
    )
    assert run("export", "notes@7", "out")[0] == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("config")
def test_the_croissant_of_a_version_is_json(run: Run) -> None:
    status, out, err = run("croissant", "notes@1")
    told = json.loads(out)
    assert (status, err, told["name"], told["version"]) == (0, "", "notes", "1.0.0")
    assert len([one for one in told["distribution"] if one["@type"] == "cr:FileObject"]) == 6


@pytest.mark.usefixtures("config")
def test_a_card_is_printed_or_written(run: Run) -> None:
    status, out, err = run("card", "notes@1")
    assert (status, err, out.splitlines()[0]) == (0, "", "# notes@1")
    assert run("card", "notes@1", "--html", "card.html") == (0, "notes@1: card.html\n", "")
    assert Path("card.html").read_text().startswith("<!doctype html>")
    assert run("card", "notes@1", "--html", "nowhere/card.html")[0] == 1


def test_the_help_names_every_format(run: Run) -> None:
    told = run("export", "--help")[1]
    assert [to for to in FORMATS if to not in told] == []
