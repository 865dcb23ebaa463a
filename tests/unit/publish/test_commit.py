"""The commit point on a real folder: one version for one input, consecutive numbers, nothing half done."""

import json
import multiprocessing
import multiprocessing.synchronize
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.errors import FormatError, IntegrityError, ObjectExists, StoreUnavailable
from lakemint.lake import Lake
from lakemint.publish.commit import commit, newest, newest_of
from lakemint.publish.keep import keep
from lakemint.publish.manifest import Basis
from lakemint.store import Store, open_store
from tests.unit.small_version import DATASET, manifest_and_shards, publish, row, settings

ROWS = [row(index) for index in range(9)]


def test_the_same_again_is_the_same_version(tmp_path: Path) -> None:
    first, made = publish(settings(tmp_path), ROWS)
    again, made_again = publish(settings(tmp_path), reversed(ROWS))
    assert (made, made_again) == (True, False)
    assert again == first
    assert lakemint.versions(DATASET, config=settings(tmp_path)) == ["notes@1"]


def test_other_rows_are_the_next_version_and_old_ones_stay(tmp_path: Path) -> None:
    config = settings(tmp_path)
    publish(config, ROWS)
    before = lakemint.open("notes@1", config=config)["train"].to_table()
    assert publish(config, ROWS[1:])[0].version == 2
    # Back to the old rows: a new version again, since a number says what was newest when.
    third, made = publish(config, ROWS)
    assert (third.version, made) == (3, True)
    assert lakemint.open("notes@1", config=config)["train"].to_table() == before


class Overtaken:
    """The real store, with a faster publisher: just before our first record, its record lands."""

    def __init__(self, store: Store, record: bytes) -> None:
        self._store, self._record = store, record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, key: str, content: bytes | Path) -> None:
        if "/versions/" in key and self._record:
            self._store.put(key, self._record)
            self._record = b""
        self._store.create(key, content)


@pytest.mark.parametrize("same", [True, False])
def test_a_lost_race_ends_at_the_winners_version_or_the_next(tmp_path: Path, same: bool) -> None:
    config = settings(tmp_path)
    lake, store = Lake(config.lake), open_store(config)
    ours, _ = manifest_and_shards(ROWS)
    theirs = ours if same else manifest_and_shards(ROWS[1:])[0]
    winner = {
        "format": "lakemint.version/1",
        "dataset": DATASET,
        "version": 1,
        "manifest": theirs.digest,
        "published_at": "2026-01-01T00:00:00+00:00",
        "publication": "someone else",
    }
    racing = Overtaken(store, json.dumps(winner).encode())
    record, made = commit(racing, lake, ours, lambda: "now")
    assert (record.version, made) == ((1, False) if same else (2, True))
    assert record.manifest == ours.digest


def _publish_at_once(folder: Path, start: "multiprocessing.synchronize.Event", skip: int) -> None:
    start.wait()
    for _ in range(5):
        publish(settings(folder), ROWS[skip:])


@pytest.mark.parametrize("kinds", [1, 2])
def test_processes_publishing_at_once_agree(tmp_path: Path, kinds: int) -> None:
    """Four processes, five times each: of one input one version; of two, numbers without gap or doublet."""
    context = multiprocessing.get_context("fork")
    start = context.Event()
    crowd = [
        context.Process(target=_publish_at_once, args=(tmp_path, start, turn % kinds)) for turn in range(4)
    ]
    for process in crowd:
        process.start()
    start.set()
    for process in crowd:
        process.join(60)
        assert process.exitcode == 0
    config = settings(tmp_path)
    names = lakemint.versions(DATASET, config=config)
    assert names == [f"notes@{n}" for n in range(1, len(names) + 1)]
    digests = [lakemint.open(name, config=config).digest for name in names]
    assert len(set(digests)) == kinds
    assert all(a != b for a, b in pairwise(digests))


def test_newest_of_recognises_its_basis_and_needs_its_manifest(tmp_path: Path) -> None:
    config = settings(tmp_path)
    lake, store = Lake(config.lake), open_store(config)
    manifest, _ = manifest_and_shards(ROWS)
    names = ("dataset", "contract", "recipe", "lakemint", "inputs", "verdicts")
    basis = Basis(**{name: getattr(manifest, name) for name in names})
    assert newest_of(store, lake, basis) is None
    publish(config, ROWS)
    found = newest_of(store, lake, basis)
    assert found is not None
    assert found.version == 1
    store.put(lake.manifest(DATASET, manifest.digest), b"{}")
    with pytest.raises(IntegrityError, match="not the bytes that were published"):
        newest_of(store, lake, basis)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b'{"format": "lakemint.version/2"}', "lakemint.version/2.*upgrade"),
        (b'{"format": "lakemint.version/1"}', "dataset: Field required"),
        (b"nonsense", "Invalid JSON"),
    ],
)
def test_a_record_of_another_kind_stops_publishing(tmp_path: Path, record: bytes, words: str) -> None:
    config = settings(tmp_path)
    store, lake = open_store(config), Lake(config.lake)
    store.put(lake.version(DATASET, 1), record)
    with pytest.raises(FormatError, match=rf"00000001\.json: .*{words}"):
        newest(store, lake, DATASET)


def test_it_gives_up_when_others_are_always_faster(tmp_path: Path) -> None:
    class Busy(Overtaken):
        def create(self, key: str, content: bytes | Path) -> None:
            raise ObjectExists(key)

    config = settings(tmp_path)
    manifest, _ = manifest_and_shards(ROWS)
    store, lake = open_store(config), Lake(config.lake)
    store.put(lake.manifest(DATASET, manifest.digest), b"")
    with pytest.raises(StoreUnavailable, match="faster 20 times; run this again"):
        commit(Busy(store, b""), lake, manifest, lambda: "now")


def test_keep_replaces_damage_and_sends_nothing_twice(tmp_path: Path) -> None:
    store = open_store(settings(tmp_path))
    path = tmp_path / "lake" / "x"
    keep(store, "x", b"right")
    before = path.stat()
    keep(store, "x", b"right")
    assert path.stat().st_ino == before.st_ino
    for damage in (b"wrong", b"longer than right", b""):
        path.write_bytes(damage)
        keep(store, "x", b"right")
        assert path.read_bytes() == b"right"
