"""Promoting, rolling back and looking, as on a command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakemint.cli import build
from lakemint.config import Config
from lakemint.errors import ChannelMoved, GateFailed, LakemintError
from tests.unit.small_version import publish, publish_judged, row, settings


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A lake with notes@1 … notes@3, all passed, and notes@4, which is not judged."""
    config = settings(tmp_path)
    for number in range(3):
        publish_judged(config, [row(number)])
    publish(config, [row(9)])
    for name, value in (("HOME", str(tmp_path)), ("LAKE", config.lake), ("USER", "ana")):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    return config


def lakemint(*arguments: str) -> str:
    """What a command that succeeds prints; its error is raised."""
    result: Result = CliRunner(env={"COLUMNS": "120"}).invoke(build(), arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def as_json(*arguments: str) -> Any:
    return json.loads(lakemint(*arguments, "--json"))


def test_promote_rollback_and_look() -> None:
    promote = ("promote", "--to", "production")
    assert lakemint(*promote, "notes@1") == "moved notes@production: new → notes@1\n"
    assert lakemint(*promote, "notes@2", "--reason", "more") == "moved notes@production: notes@1 → notes@2\n"
    assert "stands at notes@2 already" in lakemint(*promote, "notes@2")
    told = lakemint("rollback", "notes@production", "--by", "ben", "--reason", "misses [red]sarcasm[/red]")
    assert told == "moved notes@production: notes@2 → notes@1\n"
    lakemint("promote", "notes@3", "--to", "candidate")
    listed = lakemint("channels", "notes").splitlines()
    assert [line.split()[:2] for line in listed if "@" in line] == [
        ["notes@candidate", "notes@3"],
        ["notes@production", "notes@1"],
    ]
    log = [line.split() for line in lakemint("channels", "notes@production").splitlines() if "@" in line]
    assert [(line[0], line[2], line[3]) for line in log] == [
        ("notes@1", "rollback", "ben"),
        ("notes@2", "promotion", "ana"),
        ("notes@1", "promotion", "ana"),
    ]
    assert "misses [red]sarcasm[/red]" in lakemint("channels", "notes@production")
    assert "notes@1" in lakemint("version", "show", "notes@production")


def test_for_programs() -> None:
    assert as_json("channels", "notes") == []
    first = as_json("promote", "notes@2", "--to", "production", "--reason", "first")
    assert (first["channel"], first["version"], first["name"]) == ("notes@production", 2, "notes@2")
    assert (first["before"], first["changed"], first["dry_run"]) == (None, True, False)
    assert (first["by"], first["reason"], first["kind"]) == ("ana", "first", "promotion")
    again = as_json("promote", "notes@2", "--to", "production")
    assert (again["changed"], again["move"]) == (False, first["move"])
    as_json("promote", "notes@3", "--to", "production", "--expect", "2")
    back = as_json("rollback", "notes@production", "--to", "2")
    assert (back["before"], back["version"]) == (3, 2)
    assert [entry["version"] for entry in as_json("channels", "notes@production")] == [2, 3, 2]
    (entry,) = as_json("channels", "notes")
    assert entry == as_json("channels", "notes@production")[0]
    assert as_json("version", "show", "notes@production")["name"] == "notes@2"


def test_a_dry_run_says_what_it_would_do_and_does_not() -> None:
    dry = ("promote", "notes@1", "--to", "production", "--dry-run")
    assert lakemint(*dry) == "would move notes@production: new → notes@1\n"
    assert as_json(*dry)["dry_run"] is True
    assert "notes has no channel yet" in lakemint("channels", "notes")
    for number in (1, 2):
        lakemint("promote", f"notes@{number}", "--to", "production")
    assert "would move notes@production: notes@2 → notes@1" in lakemint(
        "rollback", "notes@production", "--dry-run"
    )
    assert len(as_json("channels", "notes@production")) == 2


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        ("promote notes@4 --to production", GateFailed, "notes@4 cannot be promoted"),
        ("promote notes@4 --to production --dry-run", GateFailed, "notes@4 cannot be promoted"),
        ("promote notes@1 --to 3", LakemintError, "'3' is no channel name"),
        ("promote notes --to production", LakemintError, "write <dataset>@<number>"),
        (
            "promote notes@1 --to production --expect 2",
            ChannelMoved,
            "is not there; you expected it at notes@2",
        ),
        ("rollback notes", LakemintError, "write <dataset>@<channel>"),
        ("rollback notes@production", LakemintError, "notes has no channel yet"),
        ("channels notes@3", LakemintError, "'notes@3' is no channel: write <dataset>@<channel>"),
        ("channels notes@production", LakemintError, "notes has no channel yet"),
    ],
)
def test_what_cannot_be_done_says_why(command: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        lakemint(*command.split())


@pytest.mark.parametrize("command", ["promote", "rollback", "channels"])
def test_help_has_examples(command: str) -> None:
    assert f"lakemint {command} reviews" in lakemint(command, "--help")
