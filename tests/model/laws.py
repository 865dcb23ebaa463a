"""What must hold at every moment and at every end, whoever did what and whatever went wrong."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from lakemint.config import Config
from lakemint.errors import (
    ChannelMoved,
    LakemintError,
    StoreUnavailable,
)
from lakemint.names import Reference
from lakemint.published import channels
from lakemint.published.catalog import numbers
from lakemint.published.channels import Moved
from lakemint.published.garbage import find_garbage
from lakemint.published.leases import leases
from lakemint.published.records import ChannelRecord
from lakemint.published.verify import verify
from lakemint.published.version_record import read_version
from lakemint.store import Store
from tests.model.actor import Ended
from tests.model.memory import MemoryStore, Objects
from tests.model.roles import LAKE, PRODUCTION, STATES, TABLES, Published, Read, collect, promote, publish
from tests.model.surroundings import Surroundings
from tests.unit.small_version import DATASET

CONFIG = Config(lake=LAKE.root)
VERSIONS, CHANNELS = LAKE.versions(DATASET), LAKE.channels(DATASET)
CONTENT = (LAKE.shards(DATASET), LAKE.manifests(DATASET))
ROWS = {made.digest: made.ids for made in STATES.values()}
"""Manifest → the samples of that version."""
REFUSALS = ("is being published", "is being swept", "took so long", "published meanwhile")
MUCH_LATER = timedelta(days=30)


class Violation(AssertionError):
    """A law was broken."""


def require(holds: object, law: str) -> None:
    if not holds:
        raise Violation(law)


class Laws:
    """Checks them; what was checked once is not checked again."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._sound: set[object] = set()
        self._mended: set[object] = set()
        self._told: set[object] = set()

    def step(self, before: Objects, after: Objects, now: datetime) -> None:
        """Between two moments."""
        if after is before:
            return
        for key, kept in before.items():
            there = after.get(key)
            if key.startswith(VERSIONS):
                require(there and there.data == kept.data, f"a version's record stays as it is: {key}")
            if key.startswith(CHANNELS):
                require(there and _moved_once(kept.data, there.data), "a channel's history loses no move")
        self._moment(after, now)

    def _moment(self, objects: Objects, now: datetime) -> None:
        content = _content(objects, VERSIONS, CHANNELS, *CONTENT)
        if content in self._sound:
            return
        self._sound.add(content)
        store = self._enter(objects, now)
        there = numbers(store, LAKE, DATASET)
        require(there == [*range(1, len(there) + 1)], f"versions are numbered one by one: {there}")
        digests = [read_version(store, LAKE, DATASET, number).manifest for number in there]
        require(len({*digests}) == len(digests), "one input makes one version")
        for number in there:
            problems = verify(CONFIG, Reference(DATASET, number)).problems
            require(not problems, f"every version is whole: {problems}")
        for record in channels.listing(store, LAKE, DATASET):
            stands = record.version in there and digests[record.version - 1] == record.manifest
            require(stands, f"a channel stands at a version that is there: {record.version}")

    def end(self, objects: Objects, ends: Mapping[str, Ended], now: datetime) -> None:
        """When nobody is at work any more. Of those who did not die: how they ended."""
        content = _content(objects, "")
        if content not in self._mended:
            self._mended.add(content)
            self._afterwards(objects, now + MUCH_LATER)
        told = (content, *ends.values())
        if told not in self._told:
            self._told.add(told)
            store = self._enter(objects, now)
            for name, end in ends.items():
                _told_the_truth(store, name, end)
            publishers = [end.value for end in ends.values() if isinstance(end.value, Published)]
            made = [one.record.version for one in publishers if one.made]
            require(len({*made}) == len(made), "one publisher made each version")

    def _afterwards(self, objects: Objects, now: datetime) -> None:
        """The next runs, undisturbed, complete what was begun and sweep what was left."""
        store = self._enter(objects, now)
        try:
            if TABLES in objects:
                record = publish(store).record
                again = publish(store)
                require(again.record == record and not again.made, "publishing again changes nothing")
            collect(store)
            if any(key.startswith(CHANNELS) for key in objects):
                promote(store, "later", 1)
        except LakemintError as error:
            raise Violation(f"the next runs complete: {error!r}") from error
        self.step(objects, store.objects, now)
        left = find_garbage(store, LAKE, DATASET, timedelta(0))
        require(not left.objects and not left.young, f"what no version holds goes: {left.objects}")
        require(not [*leases(store, LAKE, DATASET)], "dead holders' leases go")

    def _enter(self, objects: Objects, now: datetime) -> MemoryStore:
        store = MemoryStore(objects, lambda: now)
        self._surroundings.enter(f"laws at {now}", store, lambda: now)
        return store


def _content(objects: Objects, *prefixes: str) -> frozenset[tuple[str, bytes]]:
    """Whatever the ages."""
    return frozenset((key, kept.data) for key, kept in objects.items() if key.startswith(prefixes))


def _moved_once(before: bytes, after: bytes) -> bool:
    """Or not at all."""
    was, now = (ChannelRecord.model_validate_json(data).positions for data in (before, after))
    return now in (was, [now[0], *was])


def _told_the_truth(store: Store, name: str, end: Ended) -> None:
    """What an actor was told at its end is so."""
    if end.error:
        _rightly_refused(store, name, end.error)
    elif isinstance(end.value, Published):
        record, digest = end.value.record, end.value.digest
        there = read_version(store, LAKE, DATASET, record.version)
        require(there == record and there.manifest == digest, f"{name}'s version is there, and is its own")
    elif isinstance(end.value, Moved):
        moves = _moves(store, name)
        require(moves == int(end.value.changed), f"{name} moved the channel {moves} times")
    elif isinstance(end.value, Read):
        there = read_version(store, LAKE, DATASET, end.value.number)
        own = (there.manifest, ROWS[there.manifest])
        require((end.value.digest, end.value.ids) == own, f"{name} read a version and nothing else")


def _rightly_refused(store: Store, name: str, error: Exception) -> None:
    told: dict[type[Exception], Callable[[], bool]] = {
        StoreUnavailable: lambda: "injected" in str(error),
        ChannelMoved: lambda: _moves(store, name) == 0 and _moves(store) > 0,
        LakemintError: lambda: any(word in str(error) for word in REFUSALS),
    }
    require(type(error) in told and told[type(error)](), f"{name} is told what is so: {error!r}")


def _moves(store: Store, name: str = "") -> int:
    """How often somebody, or that one, moved the channel during the scenario."""
    record = channels.read(store, LAKE, PRODUCTION)
    return sum(position.by != "before" and position.by.startswith(name) for position in record.positions)
