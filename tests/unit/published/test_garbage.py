"""Garbage is what no version holds, and old: nothing else is ever removed, whoever is at work meanwhile."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import lakemint
from lakemint.cli import build
from lakemint.config import Config
from lakemint.digest import canonical
from lakemint.errors import FormatError, IntegrityError, LakemintError
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.garbage import collect_garbage, find_garbage
from lakemint.published.leases import LeaseRecord, lease, leases
from lakemint.published.verify import verify
from lakemint.store import Store, open_store
from tests.support import at_once
from tests.unit.small_version import DATASET, age, manifest_and_shards, publish, row
from tests.unit.small_version import settings as lake_settings

GRACE = timedelta(days=7)
ROWS = [row(index) for index in range(12)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A lake with notes@1 and notes@2, which share shards."""
    config = lake_settings(tmp_path)
    publish(config, ROWS)
    publish(config, [*ROWS, row(100)])
    age(config, 30)
    return config


def folder(config: Config) -> Path:
    return Path(config.lake.removeprefix("file://")) / "published" / DATASET


def files(config: Config) -> list[Path]:
    return sorted(path for path in folder(config).rglob("*") if path.is_file())


def opened(config: Config) -> tuple[Store, Lake]:
    return open_store(config), Lake(config.lake)


def leave(config: Config, rows: list[dict[str, object]]) -> set[str]:
    """What a publish that was killed before its commit leaves: the new keys."""
    store, lake = opened(config)
    before = {item.key for item in store.list("published/")}
    manifest, shards = manifest_and_shards(rows)
    for digest, data in shards.items():
        store.put(lake.shard(DATASET, digest), data)
    store.put(lake.manifest(DATASET, manifest.digest), canonical(manifest.content))
    return {item.key for item in store.list("published/")} - before


def test_what_a_killed_publish_left_goes_when_it_is_old_and_versions_stay(config: Config) -> None:
    left = leave(config, [*ROWS[:6], row(200), row(201)])
    store, lake = opened(config)
    young = find_garbage(store, lake, DATASET, GRACE)
    assert (young.objects, young.young) == ([], len(left))
    age(config, 30)
    found = find_garbage(store, lake, DATASET, GRACE)
    assert {item.key for item in found.objects} == left
    assert collect_garbage(store, lake, DATASET, GRACE).objects == found.objects
    assert not left & {item.key for item in store.list("published/")}
    assert all(verify(config, Reference(DATASET, number)).sound for number in (1, 2))
    assert collect_garbage(store, lake, DATASET, GRACE).objects == []


def test_what_is_not_named_as_ours_are_is_left_alone(config: Config) -> None:
    store, lake = opened(config)
    for key in (f"{lake.shards(DATASET)}README", f"{lake.shards(DATASET)}{'a' * 64}.arrow.bak"):
        store.put(key, b"mine")
    age(config, 30)
    assert find_garbage(store, lake, DATASET, GRACE).objects == []


@pytest.mark.parametrize("harm", ["record", "manifest"])
def test_when_a_version_cannot_be_read_nothing_is_garbage(config: Config, harm: str) -> None:
    leave(config, [row(300)])
    age(config, 30)
    paths = sorted((folder(config) / {"record": "versions", "manifest": "manifests"}[harm]).iterdir())
    for path in paths:
        path.write_bytes(b"{")
    before = files(config)
    with pytest.raises((FormatError, IntegrityError)):
        collect_garbage(*opened(config), DATASET, GRACE)
    assert files(config) == before


@pytest.mark.parametrize(("first", "second"), [("publish", "collect"), ("collect", "publish")])
def test_of_a_publisher_and_a_collector_the_later_is_told(config: Config, first: str, second: str) -> None:
    store, lake = opened(config)
    with lease(store, lake, DATASET, first):  # type: ignore[arg-type]
        with (
            pytest.raises(LakemintError, match=r"notes is being .*: run this again when that is done"),
            lease(store, lake, DATASET, second),  # type: ignore[arg-type]
        ):
            pass
        with lease(store, lake, DATASET, first):  # type: ignore[arg-type]
            assert len(list(leases(store, lake, DATASET))) == 2
    assert list(leases(store, lake, DATASET)) == []


def test_of_many_at_once_never_one_of_each_kind_is_at_work(config: Config) -> None:
    store, lake = opened(config)
    working: list[str] = []
    met: list[set[str]] = []

    def work(turn: int) -> None:
        kind = ("publish", "collect")[turn % 2]
        for _ in range(10):
            try:
                with lease(store, lake, DATASET, kind):  # type: ignore[arg-type]
                    working.append(kind)
                    met.append({*working})
                    working.remove(kind)
            except LakemintError:
                pass

    at_once(work, 6)
    assert {len(kinds) for kinds in met} == {1}
    assert list(leases(store, lake, DATASET)) == []


def test_a_dead_holders_lease_ends_by_itself_and_is_cleared_later(config: Config) -> None:
    store, lake = opened(config)
    for hours in (-1, -24 * 8):
        dead = LeaseRecord(dataset=DATASET, kind="publish", until=datetime.now(UTC) + timedelta(hours=hours))
        store.put(lake.lease(DATASET, f"dead{hours}"), canonical(dead.model_dump(mode="json")))
    collect_garbage(store, lake, DATASET, GRACE)
    assert [key for key, _ in leases(store, lake, DATASET)] == [lake.lease(DATASET, "dead-1")]


def test_who_took_too_long_must_not_go_on(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(config, [row(300)])
    age(config, 30)
    monkeypatch.setitem(lakemint.published.leases._TERMS, "collect", timedelta(0))
    with pytest.raises(LakemintError, match="took so long that others may be at work"):
        collect_garbage(*opened(config), DATASET, GRACE)
    assert len(find_garbage(*opened(config), DATASET, GRACE).objects) == 2


@settings(max_examples=12)
@given(st.lists(st.tuples(st.sampled_from(["publish", "kill", "age"]), st.integers(0, 30)), max_size=12))
def test_whatever_happened_versions_are_sound_and_the_rest_goes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    config = lake_settings(tmp_path_factory.mktemp("lake"))
    act: dict[str, Callable[[int], object]] = {
        "publish": lambda seed: publish(config, [row(index + seed) for index in range(4)]),
        "kill": lambda seed: leave(config, [row(index + seed) for index in range(4)]),
        "age": lambda days: age(config, days),
    }
    for what, number in steps:
        act[what](number)
    store, lake = opened(config)
    there = {item.key: item.modified for item in store.list(lake.shards(DATASET))}
    collect_garbage(store, lake, DATASET, GRACE)
    for number in range(1, 1 + len(lakemint.versions(DATASET, config=config))):
        assert verify(config, Reference(DATASET, number)).sound
    recent = datetime.now(UTC) - GRACE + timedelta(minutes=1)
    assert {key for key, at in there.items() if at > recent} <= {
        i.key for i in store.list(lake.shards(DATASET))
    }


def test_the_command_says_what_would_go_and_removes_it(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    left = leave(config, [row(300)])
    age(config, 30)
    dry = CliRunner().invoke(build(), ["version", "gc", DATASET, "--dry-run"])
    assert dry.stdout.startswith("notes: would remove 2 objects that no version holds, ")
    assert all(key in dry.stdout for key in left)
    done = CliRunner().invoke(build(), ["version", "gc", DATASET, "--json"])
    assert {item["key"] for item in json.loads(done.stdout)["objects"]} == left
    again = CliRunner().invoke(build(), ["version", "gc", DATASET])
    assert again.stdout == "notes: removed 0 objects that no version holds, 0 B\n"
