"""Those who are at work on a dataset, each the platform's own code as its jobs and commands call it."""

import tempfile
from dataclasses import dataclass
from functools import partial

import lakemint
from lakemint.config import Config
from lakemint.digest import digest_of
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.publish.commit import commit, newest
from lakemint.publish.keep import keep
from lakemint.published import channels
from lakemint.published.channels import Moved, Order
from lakemint.published.garbage import Garbage, collect_garbage
from lakemint.published.leases import lease
from lakemint.published.records import Manifest
from lakemint.published.version_record import VersionRecord
from lakemint.store import Store
from lakemint.store.safety import require_safe
from tests.model.actor import Actor
from tests.unit.small_version import DATASET, INPUTS, WHEN, manifest_and_shards, row, verdict

LAKE = Lake("file:///lake")
PRODUCTION = Channel(DATASET, "production")
TABLES = "tables/newest"
"""Stands for the tables' logs: its bytes are the input that the tables are at."""


@dataclass(frozen=True)
class Input:
    """What the tables are at some time."""

    manifest: Manifest
    digest: str
    """Of the manifest."""
    shards: dict[str, bytes]
    ids: frozenset[str]
    """Its samples."""


def _input(*numbers: int) -> Input:
    rows = [row(number) for number in numbers]
    verdicts = sorted(digest_of(verdict(table)) for table in INPUTS)
    manifest, shards = manifest_and_shards(rows, verdicts=verdicts)
    return Input(manifest, manifest.digest, shards, frozenset(one["sample_id"] for one in rows))


STATES = {b"old": _input(0), b"new": _input(0, 1), b"newer": _input(0, 2)}
"""They share one shard."""


@dataclass(frozen=True)
class Published:
    """What a publisher is told."""

    record: VersionRecord
    made: bool
    """By this one."""
    digest: str
    """Of the manifest that it wanted to be a version."""


def publish(store: Store) -> Published:
    """What `jobs/publish.py` does, with the rows that Spark would give it."""
    before = newest(store, LAKE, DATASET)
    found = STATES[store.get(TABLES)]
    if before is not None and before.manifest == found.digest:
        return Published(before, False, found.digest)
    require_safe(store, LAKE)
    with lease(store, LAKE, DATASET, "publish") as held:
        for digest, data in found.shards.items():
            keep(store, LAKE.shard(DATASET, digest), data)
        record, made = commit(store, LAKE, found.manifest, held, lambda: WHEN, after=before)
    return Published(record, made, found.digest)


@dataclass(frozen=True)
class Read:
    """What a training process got."""

    number: int
    digest: str
    ids: frozenset[str]


def read(store: Store, reference: str = "") -> Read | None:
    """A training process reads a version whole, the newest one unless told; None when there is none."""
    with tempfile.TemporaryDirectory() as cache:
        config = Config(lake=LAKE.root, cache=cache)
        names = [reference] if reference else lakemint.versions(DATASET, config=config)
        if not names:
            return None
        version = lakemint.open(names[-1], config=config)
        tables = [version[split].to_table() for split in version.splits]
        ids = frozenset(one for table in tables for one in table.column("sample_id").to_pylist())
        return Read(version.number, version.digest, ids)


def move_tables(store: Store, state: bytes) -> None:
    """The stages before gold have something new."""
    store.put(TABLES, state)


def collect(store: Store) -> Garbage:
    return collect_garbage(store, LAKE, DATASET)


def promote(store: Store, by: str, number: int) -> Moved:
    return channels.promote(store, LAKE, PRODUCTION, number, Order(by, WHEN))


def roll_back(store: Store, by: str) -> Moved:
    return channels.rollback(store, LAKE, PRODUCTION, Order(by, WHEN))


def publisher(name: str, *, after: bytes = b"", twice: bool = False) -> Actor:
    """Publishes what the tables are at; `after` they moved there; `twice`: before that move too."""

    def act(store: Store) -> Published:
        if twice:
            publish(store)
        if after:
            move_tables(store, after)
        return publish(store)

    return Actor(name, act)


def collector(name: str) -> Actor:
    return Actor(name, collect)


def reader(name: str, reference: str = "") -> Actor:
    return Actor(name, partial(read, reference=reference))


def promoter(name: str, number: int) -> Actor:
    return Actor(name, partial(promote, by=name, number=number))


def returner(name: str) -> Actor:
    return Actor(name, partial(roll_back, by=name))
