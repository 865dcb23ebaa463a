"""Promoting, rolling back and looking, as on a command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakemint.cli import build
from lakemint.config import Config
from lakemint.errors import ChannelMoved, ConfigError, GateFailed, LakemintError, RecipeError
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published.channels import Order, promote
from lakemint.store import open_store
from tests.unit.small_version import publish, publish_judged, row, settings, write_recipe


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A lake with notes@1 … notes@3, all passed, and notes@4, which is not judged."""
    config = settings(tmp_path)
    for number in range(3):
        publish_judged(config, [row(number)])
    publish(config, [row(9)])
    for name, value in (("HOME", str(tmp_path)), ("LAKE", config.lake), ("USER", "ana")):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    write_recipe(tmp_path / "schemas", publish={"channel": "candidate", "approve": ["stable"]})
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path / "schemas"))
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
    assert first["approve_at"] is None
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
        ("promote notes@4 --to stable", GateFailed, "notes@4 cannot be promoted"),
        ("promote notes@1 --to stable", ConfigError, "airflow_url is not set: start the stack with"),
        (
            "promote notes@1 --to stable --by eve",
            LakemintError,
            "who approves it moves it, so leave --by out",
        ),
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
        ("channels nots", LakemintError, "nothing is published as 'nots', and schemas/ has no such dataset"),
    ],
)
def test_what_cannot_be_done_says_why(command: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        lakemint(*command.split())


def test_a_channel_that_asks_for_approval_is_not_moved_by_the_command() -> None:
    dry = ("promote", "notes@1", "--to", "stable", "--dry-run")
    assert lakemint(*dry) == "would ask for approval to move notes@stable: new → notes@1\n"
    told = as_json(*dry)
    assert (told["before"], told["changed"], told["dry_run"], told["approve_at"]) == (None, False, True, None)
    assert as_json("channels", "notes") == []


def test_what_a_channel_asks_for_is_never_guessed(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schemas" / "notes" / "recipe.yaml").write_text("publish: {approve: stable}")
    with pytest.raises(RecipeError, match=r"publish\.approve: Input should be a valid list"):
        lakemint("promote", "notes@1", "--to", "stable")
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"schemas/notes/recipe\.yaml is not here, which says whether notes@"
    ):
        lakemint("promote", "notes@1", "--to", "stable")
    assert as_json("channels", "notes") == []


def test_a_rollback_asks_nobody(config: Config) -> None:
    store, lake, stable = open_store(config), Lake(config.lake), Channel("notes", "stable")
    for number in (1, 2):
        promote(store, lake, stable, number, Order("ana", "2026-11-23T12:00:00+00:00"))
    assert lakemint("promote", "notes@2", "--to", "stable").startswith(
        "notes@stable stands at notes@2 already"
    )
    assert lakemint("rollback", "notes@stable") == "moved notes@stable: notes@2 → notes@1\n"


@pytest.mark.parametrize("command", ["promote", "rollback", "channels"])
def test_help_has_examples(command: str) -> None:
    assert f"lakemint {command} reviews" in lakemint(command, "--help")
