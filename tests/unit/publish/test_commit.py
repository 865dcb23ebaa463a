"""The commit point on a real folder: one version for one input, consecutive numbers, nothing half done."""

import json
import multiprocessing
import multiprocessing.synchronize
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import FormatError, LakemintError
from lakemint.lake import Lake
from lakemint.publish.commit import commit, newest
from lakemint.publish.keep import keep
from lakemint.published.leases import Lease, LeaseRecord, lease
from lakemint.published.records import Manifest
from lakemint.published.version_record import VersionRecord
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


def overtaken(config: Config, theirs: Manifest) -> tuple[VersionRecord, bool]:
    """Commit what is made of `ROWS`, while another publisher makes version 1 of `theirs`."""
    lake, store = Lake(config.lake), open_store(config)
    winner = {
        "format": "lakemint.version/1",
        "dataset": DATASET,
        "version": 1,
        "manifest": theirs.digest,
        "published_at": "2026-01-01T00:00:00+00:00",
        "publication": "someone else",
    }
    ours, _ = manifest_and_shards(ROWS)
    with lease(store, lake, DATASET, "publish") as held:
        racing = Overtaken(store, json.dumps(winner).encode())
        return commit(racing, lake, ours, held, lambda: "now", after=None)


def test_who_loses_a_race_with_the_same_has_the_winners_version(tmp_path: Path) -> None:
    ours, _ = manifest_and_shards(ROWS)
    record, made = overtaken(settings(tmp_path), ours)
    assert (record.version, record.manifest, made) == (1, ours.digest, False)
    assert lakemint.versions(DATASET, config=settings(tmp_path)) == ["notes@1"]


def test_who_loses_a_race_with_other_tables_makes_no_version_of_older_ones(tmp_path: Path) -> None:
    theirs, _ = manifest_and_shards(ROWS[1:])
    with pytest.raises(LakemintError, match=r"notes@1 was published meanwhile.*run this again"):
        overtaken(settings(tmp_path), theirs)
    assert lakemint.versions(DATASET, config=settings(tmp_path)) == ["notes@1"]
    assert publish(settings(tmp_path), ROWS)[0].version == 2


def test_who_slept_longer_than_its_lease_makes_no_version(tmp_path: Path) -> None:
    config = settings(tmp_path)
    lake, store = Lake(config.lake), open_store(config)
    ours, shards = manifest_and_shards(ROWS)
    ended = LeaseRecord(dataset=DATASET, kind="publish", until=datetime.now(UTC))
    for digest, data in shards.items():
        store.put(lake.shard(DATASET, digest), data)
    with pytest.raises(LakemintError, match="took so long that others may be at work"):
        commit(store, lake, ours, Lease(ended), lambda: "now", after=None)
    assert lakemint.versions(DATASET, config=config) == []


def _publish_at_once(folder: Path, start: "multiprocessing.synchronize.Event", skip: int) -> None:
    start.wait()
    for _ in range(5):
        with suppress(LakemintError):  # others published meanwhile
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
