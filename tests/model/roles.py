"""Those who are at work on a dataset, each the platform's own code as its jobs and commands call it."""

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import lakemint
from lakemint.config import Config
from lakemint.digest import digest_of
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.publish.commit import commit, newest
from lakemint.publish.erasure import Eraser, Sought
from lakemint.publish.keep import keep
from lakemint.publish.signing import Signing
from lakemint.published import channels
from lakemint.published import retirement as retirement_of
from lakemint.published.channels import Moved, Order
from lakemint.published.garbage import GRACE, Garbage, collect_garbage
from lakemint.published.holds import Hold, Term, take
from lakemint.published.leases import lease
from lakemint.published.present import missing, stored
from lakemint.published.records import Manifest, read_manifest
from lakemint.published.verify import Verified, verify
from lakemint.published.version_record import Retirement, Revision, VersionRecord, looking
from lakemint.store import Store
from lakemint.store.safety import require_safe
from lakemint.subjects import Subjects
from tests.model.actor import Actor
from tests.unit.small_version import DATASET, INPUTS, WHEN, manifest_and_shards, row, verdict

LAKE = Lake("file:///lake")
LONG_AGO = datetime.fromisoformat("2026-10-23T12:00:00+00:00")
PRODUCTION = Channel(DATASET, "production")
TABLES = "tables/newest"
"""Stands for the tables' logs: its bytes are the input that the tables are at."""
ERASURES = "erasures/"
"""Orders and receipts of erasures, one object each; all that are ordered are under `ordered`."""
VACUUMED = "tables/vacuumed/"
"""Whose rows' old files are gone: no old state of the tables that has such rows can be read any more."""
SAMPLES = {str(number): row(number)["sample_id"] for number in (3, 4)}
"""Those that erasures take, by their name in orders."""


@dataclass(frozen=True)
class Input:
    """What the tables are at some time."""

    manifest: Manifest
    digest: str
    """Of the manifest."""
    shards: dict[str, bytes]
    ids: frozenset[str]
    """Its samples."""


def _input(*numbers: int, lakemint: str = "0.1.0") -> Input:
    rows = [row(number) for number in numbers]
    verdicts = sorted(digest_of(verdict(table)) for table in INPUTS)
    manifest, shards = manifest_and_shards(rows, verdicts=verdicts, lakemint=lakemint)
    return Input(manifest, manifest.digest, shards, frozenset(one["sample_id"] for one in rows))


STATES = {
    b"old": _input(0),
    b"new": _input(0, 1),
    b"newer": _input(0, 2),
    b"pair": _input(0, 3),
    b"trio": _input(0, 1, 3),
    b"lone": _input(3),
    b"crowd": _input(0, 3, 4),
    b"lone-3": _input(lakemint="0.1.1"),
    # What erasures leave of them; the tables are at other versions then.
    b"pair-3": _input(0, lakemint="0.1.1"),
    b"trio-3": _input(0, 1, lakemint="0.1.1"),
    b"crowd-3": _input(0, 4, lakemint="0.1.1"),
    b"crowd-4": _input(0, 3, lakemint="0.2.1"),
    b"crowd-3-4": _input(0, lakemint="0.3.1"),
}
"""The first three share one shard; sample 3 is in one with sample 0, and alone in that of the lone one."""


@dataclass(frozen=True)
class Published:
    """What a publisher is told."""

    record: VersionRecord
    made: bool
    """By this one."""
    digest: str
    """Of the manifest that it wanted to be a version."""


def publish(store: Store, *, growing: bool = False) -> Published:
    """What `jobs/publish.py` does, with the rows that Spark would give it.

    `growing`: it reads only what changed since the version before.
    """
    before = newest(store, LAKE, DATASET)
    found = STATES[store.get(TABLES)]
    if before is not None and found.digest in before.digests:
        return Published(before, False, found.digest)
    base = read_manifest(store, LAKE, DATASET, before.manifest) if growing and before else None
    require_safe(store, LAKE)
    with lease(store, LAKE, DATASET, "publish") as held:
        there = _kept(store, base)
        for digest, data in found.shards.items():
            if digest not in there:
                _read_rows(store, data)
                keep(store, LAKE.shard(DATASET, digest), data)
        record, made = commit(store, LAKE, found.manifest, held, lambda: WHEN, after=before)
    return Published(record, made, found.digest)


def _kept(store: Store, base: Manifest | None) -> set[str]:
    """The shards that a version keeps of the one before, unread."""
    if base is None or missing(LAKE, base, stored(store, LAKE, DATASET)):
        return set()
    return {shard.sha256 for shard in base.shards}


def _read_rows(store: Store, shard: bytes) -> None:
    """The rows of a shard, as Spark reads them from the files of the tables."""
    for name, sample in SAMPLES.items():
        if sample.encode() in shard and store.stat(f"{VACUUMED}{name}"):
            raise LakemintError("files of the tables are gone: the job failed")


@dataclass(frozen=True)
class Read:
    """What a training process got."""

    number: int
    digest: str
    ids: frozenset[str]


def read(store: Store, reference: str = "", by: str = "") -> Read | None:
    """A training process reads a version whole, the newest one unless told; None when there is none.

    `by`: it holds the version meanwhile, by that name.
    """
    with tempfile.TemporaryDirectory() as cache:
        config = Config(lake=LAKE.root, cache=cache)
        names = [reference] if reference else lakemint.versions(DATASET, config=config)
        if not names:
            return None
        version = lakemint.open(names[-1], config=config)
        with version.hold(days=1, by=by) if by else nullcontext():
            tables = [version[split].to_table() for split in version.splits]
        ids = frozenset(one for table in tables for one in table.column("sample_id").to_pylist())
        return Read(version.number, version.digest, ids)


def move_tables(store: Store, state: bytes) -> None:
    """The stages before gold have something new."""
    store.put(TABLES, state)


@dataclass(frozen=True)
class Erased:
    """What who erased is told."""

    name: str
    revisions: tuple[tuple[int, Revision], ...]
    """With the versions' numbers."""


def order(name: str) -> str:
    """The key under which a sample's erasure is ordered."""
    return f"{ERASURES}ordered/{name}"


def receipt(name: str) -> str:
    """The key of what says that an erasure is complete."""
    return f"{ERASURES}receipt/{name}"


def erase(store: Store, name: str) -> Erased:
    """An erasure of one sample: the versions first, then, under the same lease, the tables."""
    sought = Sought(frozenset({SAMPLES[name]}), Subjects("author", "nobody"))
    signing = Signing(store, LAKE, DATASET, None)
    eraser = Eraser(store, LAKE, DATASET, sought=sought, erasure=name, signing=signing)
    with lease(store, LAKE, DATASET, "erase", name) as held:
        revisions = eraser.run(held)
        _erase_from_tables(store, name)
        store.put(f"{VACUUMED}{name}", b"")
        held.require()  # else somebody may have published since the versions were looked at
        store.put(receipt(name), b"")
    return Erased(name, tuple(revisions))


def _erase_from_tables(store: Store, name: str) -> None:
    """Delta commits it only if nobody else did since it looked."""
    there, state = store.stat(TABLES), store.get(TABLES)
    if there and SAMPLES[name] in STATES[state].ids:
        store.replace(TABLES, without(state, name), there.etag)


def without(state: bytes, name: str) -> bytes:
    """The state of the tables that an erasure makes of one."""
    base, *gone = state.decode().split("-")
    return "-".join([base, *sorted([*gone, name])]).encode()


def check(store: Store, number: int) -> Verified:
    """What `lakemint version verify` does; the store is the one that settings name."""
    return verify(Config(lake=LAKE.root), Reference(DATASET, number))


def collect(store: Store, grace: timedelta = GRACE) -> Garbage:
    return collect_garbage(store, LAKE, DATASET, grace)


def retire(store: Store, by: str, number: int) -> VersionRecord:
    retirement = Retirement(at=LONG_AGO, by=by, reason="no use")
    return retirement_of.retire(store, LAKE, Reference(DATASET, number), retirement)[0]


def restore(store: Store, number: int) -> VersionRecord:
    return retirement_of.restore(store, LAKE, Reference(DATASET, number))[0]


def hold(store: Store, by: str, number: int) -> Hold:
    """What `lakemint version hold` does."""
    reference = Reference(DATASET, number)
    return take(store, LAKE, reference, looking(store, LAKE, DATASET), Term(1, by))[1]


def promote(store: Store, by: str, number: int) -> Moved:
    return channels.promote(store, LAKE, PRODUCTION, number, Order(by, WHEN))


def roll_back(store: Store, by: str) -> Moved:
    return channels.rollback(store, LAKE, PRODUCTION, Order(by, WHEN))


def publisher(name: str, *, after: bytes = b"", twice: bool = False, growing: bool = False) -> Actor:
    """Publishes what the tables are at; `after` they moved there; `twice`: before that move too."""

    def act(store: Store) -> Published:
        if twice:
            publish(store)
        if after:
            move_tables(store, after)
        return publish(store, growing=growing)

    return Actor(name, act)


def collector(name: str, *, grace: timedelta = GRACE) -> Actor:
    return Actor(name, partial(collect, grace=grace))


def retirer(name: str, number: int) -> Actor:
    return Actor(name, partial(retire, by=name, number=number))


def restorer(name: str, number: int) -> Actor:
    return Actor(name, partial(restore, number=number))


def holder(name: str, number: int) -> Actor:
    return Actor(name, partial(hold, by=name, number=number))


def eraser(name: str, sample: str) -> Actor:
    return Actor(name, partial(erase, name=sample))


def checker(name: str, number: int) -> Actor:
    return Actor(name, partial(check, number=number))


def reader(name: str, reference: str = "", *, holds: bool = False) -> Actor:
    return Actor(name, partial(read, reference=reference, by=name if holds else ""))


def promoter(name: str, number: int) -> Actor:
    return Actor(name, partial(promote, by=name, number=number))


def returner(name: str) -> Actor:
    return Actor(name, partial(roll_back, by=name))
