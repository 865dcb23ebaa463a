"""`lakemint version retire`, `restore`, `hold`, `holds`, `release` and `gc` as a user meets them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import VersionRetired
from tests.unit.cli.runs import Run
from tests.unit.published.retired import ROWS, keys, own, publish_three, read, retire, sweep
from tests.unit.small_version import settings

COMMANDS = (
    ["list", "notes"],
    ["show", "notes@1"],
    ["show", "notes@1", "--json"],
    ["verify", "notes@1"],
    ["diff", "notes@1", "notes@2"],
    ["card", "notes@1"],
    ["card", "notes@2"],
    ["croissant", "notes@1"],
    ["consumers", "notes@1"],
    ["export", "notes@1", "out", "--to", "parquet"],
    ["sign", "notes@1", "--key", "key.pem"],
    ["hold", "notes@1", "--days", "1"],
    ["gc", "notes", "--dry-run"],
)
"""What looks at a version, or uses it."""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = publish_three(settings(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    monkeypatch.setenv("LAKEMINT_CACHE", config.cache)
    monkeypatch.setenv("LAKEMINT_USER", "ana")
    monkeypatch.setenv("COLUMNS", "200")
    return config


def test_retired_and_restored(config: Config, run: Run) -> None:
    ends = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
    words = (
        f"from {ends} on `lakemint version gc notes` removes what only it holds; "
        "until then `lakemint version restore notes@1` brings it back\n"
    )
    dry = run("retire", "notes@1", "--reason", "bad labels", "--dry-run")
    assert dry == (0, f"would retire notes@1: bad labels\n{words}", "")
    assert read(config, "notes@1") == ROWS
    done = run("retire", "notes@1", "--reason", "bad labels")
    assert done == (0, f"retired notes@1: bad labels\n{words}", "")
    with pytest.raises(VersionRetired, match="by ana: bad labels; in use"):
        lakemint.open("notes@1", config=config)
    again = run("retire", "notes@1", "--reason", "other", "--by", "ben")
    assert again[0] == 0
    assert again[1].startswith("notes@1 was retired on ")
    assert again[1].endswith(" by ana: bad labels; nothing was changed\n")
    assert run("restore", "notes@1") == (0, "notes@1: in use again\n", "")
    assert run("restore", "notes@1") == (0, "notes@1: was in use already\n", "")
    assert read(config, "notes@1") == ROWS


def test_for_programs(config: Config, run: Run) -> None:
    held = json.loads(run("hold", "notes@1", "--days", "3", "--by", "run 7", "--json")[1])
    told = json.loads(run("retire", "notes@1", "--reason", "bad labels", "--json")[1])
    assert (told["name"], told["changed"], told["dry_run"]) == ("notes@1", True, False)
    assert (told["retired"]["by"], told["retired"]["reason"]) == ("ana", "bad labels")
    assert [one["by"] for one in told["holds"]] == ["run 7"]
    assert json.loads(run("holds", "notes", "--json")[1]) == [held]
    shown = json.loads(run("show", "notes@1", "--json")[1])
    assert (shown["retired"], shown["gone"]) == (told["retired"], False)
    listed = json.loads(run("list", "notes", "--json")[1])
    assert [(one["retired"], one["gone"]) for one in listed] == [
        (told["retired"], False),
        (None, False),
        (None, False),
    ]
    assert json.loads(run("release", "notes@1", held["hold"], "--json")[1]) == held
    assert json.loads(run("restore", "notes@1", "--json")[1]) == {
        "name": "notes@1",
        "retired": None,
        "changed": True,
    }


def test_refused_with_the_way_out(config: Config, run: Run) -> None:
    status, out, err = run("retire", "notes@3", "--reason", "bad labels")
    assert (status, out) == (1, "")
    assert err.startswith("error: notes@3 is the newest version, which the next one goes on from")
    assert run("retire", "notes@1")[0] == 2, "--reason is needed"
    assert run("retire", "notes@production", "--reason", "bad labels")[0] == 1


def test_a_hold_is_listed_and_ended(config: Config, run: Run) -> None:
    assert run("holds", "notes") == (0, "nobody holds notes\n", "")
    status, out, _ = run("hold", "notes@1", "--days", "3", "--by", "run 7")
    until = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    assert status == 0
    assert out.startswith(f"notes@1 is held until {until}")
    name = out.split("`")[1].split()[-1]
    status, out, _ = run("holds", "notes@1")
    assert (status, "run 7" in out, name in out, until in out) == (0, True, True, True)
    status, out, _ = run("retire", "notes@1", "--reason", "bad labels", "--dry-run")
    assert (status, f"held until {until}" in out, "by run 7" in out) == (0, True, True)
    assert run("release", "notes@1", name) == (0, "notes@1 is held no more by run 7\n", "")
    assert run("release", "notes@1", name)[0] == 1
    assert run("hold", "notes@1", "--days", "91")[0] == 1


def test_gc_says_of_each_version_what_goes_and_what_keeps_the_others(config: Config, run: Run) -> None:
    run("hold", "notes@2", "--days", "3", "--by", "run 7")
    for number in (1, 2):
        run("retire", f"notes@{number}", "--reason", "bad labels")
    status, out, _ = run("gc", "notes", "--dry-run")
    assert status == 0
    assert out.startswith(
        "notes: would remove 0 objects that no version holds, 0 B\nnotes@1 is retired, and "
    )
    assert "notes@1 is retired, and kept until " in out
    assert "UTC: its grace period lasts\n" in out
    assert "UTC: run 7 holds it\n" in out
    gone = own(config)
    status, out, _ = run("gc", "notes", "--grace", "0", "--dry-run")
    assert "notes: would remove 3 objects that no version holds" in out
    assert "notes@1 is retired: 3 of them, " in out
    assert "notes@2 is retired, and kept until " in out
    assert all(key in out for key in gone)
    before = keys(config)
    assert {*gone} <= before
    status, out, _ = run("gc", "notes", "--grace", "0", "--json")
    told = json.loads(out)
    assert before - keys(config) == {*gone}
    assert [one["key"] for one in told["objects"]] == gone
    assert told["retired"]["1"]["objects"] == 3
    assert list(told["kept"]) == ["2"]
    assert read(config, "notes@2") == ROWS
    status, out, err = run("restore", "notes@1")
    assert (status, out) == (1, "")
    assert err.endswith("by ana: bad labels; it cannot be restored, files of it are gone\n")


@pytest.mark.parametrize("state", ["there", "in part", "gone"])
def test_every_command_copes_with_a_retired_version(config: Config, run: Run, state: str) -> None:
    from lakemint.keys import create_keys
    from lakemint.store import open_store

    create_keys(Path("key.pem"))
    retire(config)
    if state == "in part":
        open_store(config).delete(own(config)[0])
    elif state == "gone":
        sweep(config)
    told = {" ".join(command[:2]): run(*command) for command in COMMANDS}
    assert not [text for _, out, err in told.values() for text in (out, err) if "Traceback" in text]
    failed = {name for name, (status, _, _) in told.items() if status}
    uses, looks = {"export notes@1", "hold notes@1"}, {"verify notes@1", "diff notes@1", "card notes@1"}
    fails = {"there": uses, "in part": uses | looks}
    fails["gone"] = uses | looks | {"show notes@1", "croissant notes@1", "sign notes@1"}
    assert failed == fails[state]
    assert all(
        "notes@1 was retired on " in told[name][2] and "by ana: mislabeled" in told[name][2]
        for name in failed
    )
    listed = told["list notes"][1]
    assert ("retired 20" in listed, "files are gone" in listed) == (True, state != "there")
