"""Who holds a version keeps it whole and open, for a while that ends by itself."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.digest import canonical
from lakemint.errors import FormatError, LakemintError, StoreUnavailable, VersionNotFound, VersionRetired
from lakemint.names import Reference
from lakemint.published.garbage import find_garbage
from lakemint.published.holds import MAX_DAYS, Hold, Term, holds, live, release, take, uuid_of
from lakemint.published.version_record import looking
from tests.unit.failing import Failing
from tests.unit.published.retired import FIRST, ROWS, hold, opened, own, publish_three, read, retire, sweep
from tests.unit.small_version import DATASET, settings


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return publish_three(settings(tmp_path))


def put(config: Config, **changed: Any) -> str:
    """A hold's record of some other day; its key."""
    now = datetime.now(UTC)
    record = Hold(DATASET, 1, "run 7", now, now + timedelta(days=1), confirmed=True).plain()
    store, lake = opened(config)
    key = lake.hold(DATASET, 1, "0b0c3d5e-58d2-4f5e-9a44-0f1f6f0c7a11")
    store.put(key, json.dumps({**record, **changed}).encode())
    return key


def days(number: float) -> str:
    """The time in so many days."""
    return (datetime.now(UTC) + timedelta(days=number)).isoformat()


def test_while_a_training_run_holds_a_version_it_opens_and_nothing_of_it_goes(config: Config) -> None:
    version = lakemint.open("notes@1", config=config)
    with version.hold(days=3, by="run 7") as held:
        assert (held.by, held.until - held.since) == ("run 7", timedelta(days=3))
        retire(config)
        found = sweep(config)
        assert found.objects == []
        assert found.kept == {1: f"until {held.until:%Y-%m-%d %H:%M} UTC: run 7 holds it"}
        assert read(config, "notes@1") == ROWS
        with lakemint.open("notes@1", config=config).hold(days=1, by="run 8"):
            assert len(live(*opened(config), DATASET, 1)) == 2
    assert live(*opened(config), DATASET) == []
    with pytest.raises(VersionRetired):
        lakemint.open("notes@1", config=config)
    assert own(config) == [item.key for item in sweep(config).objects]


def test_a_run_that_fails_holds_nothing_any_more(config: Config) -> None:
    with pytest.raises(ZeroDivisionError), lakemint.open("notes@1", config=config).hold(days=1, by="run 7"):
        raise ZeroDivisionError
    assert [*holds(*opened(config), DATASET)] == []


def test_what_was_retired_meanwhile_cannot_be_held_and_nothing_is_left_of_the_attempt(config: Config) -> None:
    version = lakemint.open("notes@1", config=config)
    retire(config)
    with (
        pytest.raises(
            VersionRetired, match=r"notes@1 was retired on .* in use, newest first: notes@3, notes@2"
        ),
        version.hold(days=1, by="run 7"),
    ):
        pass
    assert [*holds(*opened(config), DATASET)] == []


def test_what_is_not_there_cannot_be_held(config: Config) -> None:
    with pytest.raises(VersionNotFound, match="notes@9: no such version"):
        hold(config, Reference(DATASET, 9))
    assert [*holds(*opened(config), DATASET)] == []


def test_a_hold_that_nobody_confirmed_keeps_files_but_opens_nothing(config: Config) -> None:
    put(config, confirmed=False)
    retire(config)
    assert list(sweep(config).kept) == [1]
    with pytest.raises(VersionRetired):
        lakemint.open("notes@1", config=config)
    with pytest.raises(VersionRetired):
        hold(config)


def test_a_dead_holders_hold_ends_by_itself_and_is_cleared_later(config: Config) -> None:
    key = put(config, since=days(-3), until=days(-1))
    retire(config)
    with pytest.raises(VersionRetired):
        lakemint.open("notes@1", config=config)
    assert own(config) == [item.key for item in sweep(config).objects]
    assert [there for there, _ in holds(*opened(config), DATASET)] == [key]
    put(config, since=days(-30), until=days(-8))
    sweep(config)
    assert [*holds(*opened(config), DATASET)] == []


def test_a_holders_clock_may_be_slow(config: Config) -> None:
    put(config, since=days(-1), until=days(-0.5 / 24))
    retire(config)
    assert list(sweep(config).kept) == [1]


@pytest.mark.parametrize("term", [0, -1, MAX_DAYS + 1, float("nan"), float("inf")])
def test_a_term_that_is_none_is_refused(config: Config, term: float) -> None:
    with pytest.raises(LakemintError, match="hold for more than 0 and at most 90"):
        lakemint.open("notes@1", config=config).hold(days=term, by="run 7")


@pytest.mark.parametrize("by", ["", "  ", "a\nb", "x" * 101])
def test_who_holds_says_his_name_in_one_line(config: Config, by: str) -> None:
    with pytest.raises(LakemintError, match=r"one line|nobody"):
        lakemint.open("notes@1", config=config).hold(days=1, by=by)


def test_a_hold_is_released_by_its_uuid(config: Config) -> None:
    store, lake = opened(config)
    name, held = hold(config)
    other, _ = hold(config)
    with pytest.raises(LakemintError, match=f"notes@1: no hold {'0' * 8}.*; there are .*{name}"):
        release(store, lake, FIRST, "00000000-0000-4000-8000-000000000000")
    with pytest.raises(LakemintError, match="is no hold's UUID"):
        release(store, lake, FIRST, "../../versions/00000001")
    assert release(store, lake, FIRST, name) == held
    assert [uuid_of(key) for key, _ in live(store, lake, DATASET)] == [other]


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "lakemint.hold/2"},
        {"version": 0},
        {"version": 2},
        {"dataset": "../x"},
        {"by": "a\nb"},
        {"by": 7},
        {"since": "2026-11-23T12:00:00"},
        {"until": "never"},
        {"until": "9999-01-01T00:00:00+00:00"},
    ],
    ids=str,
)
def test_while_a_hold_cannot_be_read_no_retired_version_loses_anything(
    config: Config, changed: dict[str, Any]
) -> None:
    key = put(config, **changed)
    retire(config)
    with pytest.raises(FormatError, match=key):
        find_garbage(*opened(config), DATASET)
    with pytest.raises(FormatError, match=key):
        lakemint.open("notes@1", config=config)
    assert read(config, "notes@2") == ROWS


def test_what_is_stored_is_canonical(config: Config) -> None:
    store, lake = opened(config)
    name, _ = hold(config)
    data = store.get(lake.hold(DATASET, 1, name))
    assert canonical(json.loads(data)) == data


@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
def test_cut_off_at_any_write_no_door_is_left_open(config: Config, done: bool) -> None:
    store, lake = opened(config)
    for at in count():
        failing = Failing(store, at, done)
        try:
            take(failing, lake, FIRST, looking(store, lake, DATASET), Term(1, "run 7"))
        except StoreUnavailable:
            assert failing.has_failed
        else:
            assert at == 2, "written, and confirmed"
            return
        for key, _ in [*holds(store, lake, DATASET)]:
            store.delete(key)


def test_holding_needs_only_what_a_training_image_has(config: Config) -> None:
    heavy = "pydantic yaml rich typer rfc8785 cryptography"
    code = (
        "import sys, lakemint\n"
        "with lakemint.open('notes@1').hold(days=1, by='run 7'):\n"
        f"    print([name for name in {heavy.split()} if name in sys.modules])"
    )
    environment = {"LAKEMINT_LAKE": config.lake, "LAKEMINT_CACHE": config.cache}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert out.stdout.strip() == "[]"
