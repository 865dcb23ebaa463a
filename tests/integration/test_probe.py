"""A store is safe to publish on, or it is said what it does wrong: over real HTTP, and on a folder."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakemint.cli import build
from lakemint.config import Config
from lakemint.errors import StoreError, StoreUnavailable, UnsafeStore
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published.channels import Order, promote
from lakemint.store import Store, open_store
from lakemint.store.probe import faults
from lakemint.store.safety import WAY_OUT, probe, require_safe
from tests.integration.s3_server import BUCKET, Habit, serving
from tests.unit.small_version import WHEN, publish_judged, row, settings

FOLDER = "store/probing/"
WRONG: dict[Habit, list[str]] = {
    "ignores If-None-Match": [
        "of 64 who created one object with If-None-Match at once, 64 were told that they had"
    ],
    "looks before it creates": [
        "of 64 who created one object with If-None-Match at once, 2 were told that they had"
    ],
    "ignores If-Match": ["of 64 who replaced one object with If-Match at once, 64 were told that they had"],
    "looks before it replaces": [
        "of 64 who replaced one object with If-Match at once, 2 were told that they had"
    ],
    "tires of If-Match": ["an object was replaced by If-Match of what it was before, not of what it is"],
    "knows no conditions": [
        f"of 64 who {what} at once, one was refused: the object store cannot do this (NotImplemented)"
        for what in ("created one object with If-None-Match", "replaced one object with If-Match")
    ],
    "takes no condition but does nothing": [
        f"of 64 who {what} at once, nobody was told that it had"
        for what in ("created one object with If-None-Match", "replaced one object with If-Match")
    ],
    "reads what was before": [
        "an object that was just written could not be read as it was written",
        "of 64 who replaced one object with If-Match at once, "
        "one was told that it had, but other bytes are there",
    ],
    "reads what is gone": ["an object that was just deleted could still be read"],
    "lists late": ["an object that was just written was not listed"],
    "lists what is gone": ["an object that was just deleted was still listed"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return open_store(settings(tmp_path))


def keys(store: Store) -> list[str]:
    return [item.key for item in store.list("")]


def lake_of(config: Config) -> Lake:
    return Lake(config.lake)


def test_a_sound_store_has_no_fault_and_keeps_nothing_of_the_probe(folder: Store) -> None:
    with serving() as server:
        for store in (open_store(server.config), folder):
            assert faults(store, FOLDER) == []
            assert keys(store) == []


@pytest.mark.parametrize("habit", WRONG)
def test_what_a_store_does_wrong_is_said_and_nothing_of_the_probe_stays(habit: Habit) -> None:
    with serving(habit) as server:
        assert faults(open_store(server.config), FOLDER) == WRONG[habit]
        assert server.objects == {}


def test_a_store_that_cannot_be_asked_is_not_called_unsafe(tmp_path: Path) -> None:
    with (
        serving("is away") as server,
        pytest.raises(StoreError, match="refuses these credentials") as refused,
    ):
        require_safe(open_store(server.config), lake_of(server.config))
    assert not isinstance(refused.value, UnsafeStore)
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(StoreError) as failed:
        require_safe(open_store(settings(tmp_path)), Lake("file:///lake"))
    assert not isinstance(failed.value, UnsafeStore)


def test_a_safe_store_is_known_to_be_by_one_small_read_afterwards() -> None:
    with serving() as server:
        store, lake = open_store(server.config), lake_of(server.config)
        require_safe(store, lake)
        where = lake.safe_store(f"{server.config.s3_endpoint}/{BUCKET}")
        assert [*server.objects] == [where]
        record = json.loads(server.objects[where])
        assert record.pop("probed_at") > WHEN
        assert record == {
            "format": "lakemint.safe-store/1",
            "store": f"{server.config.s3_endpoint}/{BUCKET}",
            "checks": ["read", "list", "create", "replace"],
            "writers": 64,
        }
        server.seen.clear()
        require_safe(open_store(server.config), lake)
        assert server.seen == [("GET", where)]


def test_a_copied_lake_is_probed_where_it_is_now() -> None:
    with serving() as before, serving("ignores If-None-Match") as now:
        require_safe(open_store(before.config), lake_of(before.config))
        now.objects |= before.objects
        # Somebody may also have renamed the record for the new place.
        store, lake = open_store(now.config), lake_of(now.config)
        now.objects[lake.safe_store(store.address)] = next(iter(before.objects.values()))
        with pytest.raises(
            UnsafeStore, match=f"^{store.address} is not safe to publish on: of 64 who created"
        ):
            require_safe(store, lake)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b'"x"',
        b"{}",
        b'{"format": "lakemint.safe-store/1"}',
        b'{"format": "lakemint.safe-store/1", "store": "STORE", "checks": ["read"]}',
        b'{"format": "lakemint.safe-store/1", "store": "STORE", "checks": {"read": {}}}',
        b'{"format": "lakemint.safe-store/2", "store": "STORE", "checks": CHECKS}',
        b"\xff" * 20_000,
    ],
)
def test_a_record_that_is_none_or_of_other_checks_vouches_for_nothing(folder: Store, record: bytes) -> None:
    lake = Lake("s3://any")
    where = lake.safe_store(folder.address)
    spoiled = record.replace(b"STORE", folder.address.encode()).replace(
        b"CHECKS", b'["read", "list", "create", "replace"]'
    )
    folder.put(where, spoiled)
    require_safe(folder, lake)
    assert folder.get(where) != spoiled
    assert json.loads(folder.get(where))["format"] == "lakemint.safe-store/1"


def test_an_unsafe_store_is_remembered_as_nothing_and_mending_it_is_enough(
    folder: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake("s3://any")
    assert probe(folder, lake).safe
    with monkeypatch.context() as harm:
        harm.setattr("lakemint.store.safety.faults", lambda *_: ["it forgets", "it lies"])
        assert not probe(folder, lake).safe
        assert keys(folder) == []
        with pytest.raises(UnsafeStore, match=r"publish on: it forgets; it lies\. Nothing .* store probe`"):
            require_safe(folder, lake)
    require_safe(folder, lake)
    assert keys(folder) == [lake.safe_store(folder.address)]


def test_while_the_record_cannot_be_read_nothing_is_probed(folder: Store) -> None:
    class Away:
        address = folder.address

        def get(self, key: str, at_most: int | None = None) -> bytes:
            raise StoreUnavailable(f"{key}: away")

    with pytest.raises(StoreUnavailable, match="away"):
        require_safe(Away(), Lake("s3://any"))  # type: ignore[arg-type]


def test_what_a_killed_probe_left_goes_with_a_later_one(folder: Store, tmp_path: Path) -> None:
    for name, age in (("old", 7200), ("young", 60)):
        folder.put(f"{FOLDER}{name}", b"x")
        then = time.time() - age
        os.utime(tmp_path / "lake" / FOLDER / name, (then, then))
    probe(folder, Lake("s3://any"))
    assert [key for key in keys(folder) if key.startswith(FOLDER)] == [f"{FOLDER}young"]


def test_no_channel_moves_on_an_unsafe_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(tmp_path)
    publish_judged(config, [row(1)])
    store, lake = open_store(config), Lake(config.lake)
    store.delete(lake.safe_store(store.address))
    before, channel, order = keys(store), Channel("notes", "production"), Order("ana", WHEN)
    with monkeypatch.context() as harm:
        harm.setattr("lakemint.store.safety.faults", lambda *_: ["it forgets"])
        with pytest.raises(UnsafeStore, match="no channel moved"):
            promote(store, lake, channel, 1, order)
    assert keys(store) == before
    assert promote(store, lake, channel, 1, order).changed


def lakemint(config: Config, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("LAKEMINT_HOME", "/nowhere")
    for name in ("lake", "s3_endpoint", "s3_access_key", "s3_secret_key"):
        monkeypatch.setenv(f"LAKEMINT_{name.upper()}", getattr(config, name))
    return CliRunner().invoke(build(), ["store", "probe", *arguments])


def test_the_command_says_that_a_store_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(tmp_path)
    told = lakemint(config, monkeypatch)
    assert (told.exit_code, told.stdout.count("\n")) == (0, 1)
    assert told.stdout.startswith(
        f"{config.lake} is safe to publish on: of 64 who wrote one object at once, "
    )
    found = lakemint(config, monkeypatch, "--json")
    said = json.loads(found.stdout)
    assert (found.exit_code, said.pop("probed_at") > WHEN) == (0, True)
    assert said == {"store": config.lake, "faults": [], "safe": True}


def test_the_command_says_what_an_unsafe_store_does_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("ignores If-None-Match") as server:
        told = lakemint(server.config, monkeypatch)
        found = lakemint(server.config, monkeypatch, "--json")
    address, wrong = f"{server.config.s3_endpoint}/{BUCKET}", WRONG["ignores If-None-Match"]
    assert told.exit_code == found.exit_code == 1
    assert told.stdout == f"{address}: {wrong[0]}\n{WAY_OUT}\n"
    assert json.loads(found.stdout).items() >= {"store": address, "faults": wrong, "safe": False}.items()
