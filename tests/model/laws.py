"""What must hold at every moment and at every end, whoever did what and whatever went wrong."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from lakemint.config import Config
from lakemint.errors import (
    ChannelMoved,
    LakemintError,
    ObjectExists,
    StoreUnavailable,
    VersionRetired,
    VersionRevised,
)
from lakemint.published import channels
from lakemint.published.catalog import numbers
from lakemint.published.channels import Moved
from lakemint.published.garbage import find_garbage
from lakemint.published.holds import holds, live
from lakemint.published.leases import leases
from lakemint.published.records import ChannelRecord
from lakemint.published.verify import Verified, verify
from lakemint.published.version_record import Revision, VersionRecord, read_version
from lakemint.store import Store
from tests.model.actor import Ended
from tests.model.memory import MemoryStore, Objects
from tests.model.roles import (
    ERASURES,
    LAKE,
    PRODUCTION,
    SAMPLES,
    STATES,
    TABLES,
    VACUUMED,
    Erased,
    Published,
    Read,
    collect,
    erase,
    order,
    promote,
    publish,
    read,
    receipt,
)
from tests.model.surroundings import Surroundings
from tests.unit.small_version import DATASET

CONFIG = Config(lake=LAKE.root)
VERSIONS, CHANNELS, HOLDS = LAKE.versions(DATASET), LAKE.channels(DATASET), LAKE.holds(DATASET)
CONTENT = (LAKE.shards(DATASET), LAKE.manifests(DATASET))
ROWS = {made.digest: made.ids for made in STATES.values()}
"""Manifest → the samples of that version, before erasures."""
REFUSALS = (
    "is being published",
    "is being swept",
    "by an erasure",
    "took so long",
    "published meanwhile",
    "is the newest",
)
"""Of those who can do nothing just now, but later."""
MUCH_LATER = timedelta(days=30)


class Violation(AssertionError):
    """A law was broken."""


def require(holds: object, law: str) -> None:
    if not holds:
        raise Violation(law)


class Laws:
    """Checks them; what was checked once is not checked again."""

    def __init__(self, surroundings: Surroundings, *, outlived: bool = False) -> None:
        """`outlived`: somebody may be at work for longer than his lease lasts."""
        self._surroundings, self._outlived = surroundings, outlived
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
                stays = there and (there.data == kept.data or _revised(kept.data, there.data))
                require(stays, f"a version's record stays as it is, or is revised: {key}")
            if key.startswith(CHANNELS):
                require(there and _moved_once(kept.data, there.data), "a channel's history loses no move")
        self._moment(after, now)

    def _moment(self, objects: Objects, now: datetime) -> None:
        content = _content(objects, VERSIONS, CHANNELS, HOLDS, ERASURES, *CONTENT)
        if content in self._sound:
            return
        self._sound.add(content)
        store = self._enter(objects, now)
        there = numbers(store, LAKE, DATASET)
        require(there == [*range(1, len(there) + 1)], f"versions are numbered one by one: {there}")
        records = _records(store)
        require(not any(one.retired for one in records[-1:]), "the newest version is in use")
        digests = [digest for record in records for digest in record.digests]
        require(len({*digests}) == len(digests), "one input makes one version")
        for record in records:
            if record.retired and not _is_held(store, record):
                continue  # its files may go
            _require_whole(record)
            if record.revisions:
                found = _read(store, f"{DATASET}@{record.version}")
                require(found.ids == _left(record), "a version has all its rows but the erased ones")
        self._channels(store, records)
        self._erased(objects, records)

    def _channels(self, store: Store, records: list[VersionRecord]) -> None:
        for record in channels.listing(store, LAKE, DATASET):
            stands = record.version <= len(records)
            stands = stands and record.manifest in records[record.version - 1].digests
            require(stands, f"a channel stands at a version that is there: {record.version}")
            if records[record.version - 1].revisions:
                found = _read(store, f"{DATASET}@{record.channel}")
                require(found.number == record.version, "a channel leads to where it stands")

    def _erased(self, objects: Objects, records: list[VersionRecord]) -> None:
        """What receipts say is so from then on."""
        for name in _names(objects, receipt("")):
            have = [record.version for record in records if SAMPLES[name] in _left(record)]
            require(not have, f"no version has what was erased: {have}")
            if not self._outlived:
                _require_gone(objects, name)

    def end(self, objects: Objects, ends: Mapping[str, Ended], now: datetime) -> None:
        """When nobody is at work any more. Of those who did not die: how they ended."""
        content = _content(objects, "")
        if content not in self._mended:
            self._mended.add(content)
            self._at_once(objects, now)
            self._afterwards(objects, now + MUCH_LATER)
        told = (content, *ends.values())
        if told not in self._told:
            self._told.add(told)
            store = self._enter(objects, now)
            for name, end in ends.items():
                if not (self._outlived and isinstance(end.error, ObjectExists)):
                    _told_the_truth(store, name, end)
            publishers = [end.value for end in ends.values() if isinstance(end.value, Published)]
            made = [one.record.version for one in publishers if one.made]
            require(len({*made}) == len(made), "one publisher made each version")

    def _afterwards(self, objects: Objects, now: datetime) -> None:
        """The next runs, undisturbed, complete what was begun and sweep what was left."""
        store = self._enter(objects, now)
        try:
            if TABLES in objects:
                _publish_twice(store)
            for name in _names(objects, order("")):
                erased = erase(store, name)
                require(erase(store, name) == erased, "erasing again changes nothing")
                _publish_twice(store)
            store = self._enter(store.objects, now + MUCH_LATER)
            collect(store)
            if any(key.startswith(CHANNELS) for key in objects):
                promote(store, "later", 1)
        except LakemintError as error:
            raise Violation(f"the next runs complete: {error!r}") from error
        self.step(objects, store.objects, now + MUCH_LATER)
        for name in _names(store.objects, receipt("")):
            _require_gone(store.objects, name)
        left = find_garbage(store, LAKE, DATASET, timedelta(0))
        require(not left.objects and not left.young, f"what no version holds goes: {left.objects}")
        ended = [*leases(store, LAKE, DATASET), *holds(store, LAKE, DATASET)]
        require(not ended, "dead holders' leases and holds go")

    def _at_once(self, objects: Objects, now: datetime) -> None:
        """Who erases need not wait for the end of his own lease, if he died."""
        others = [there for _, there in leases(self._enter(objects, now), LAKE, DATASET) if there.until > now]
        orders = _names(objects, order(""))
        if any(there.kind != "erase" for there in others) or len(orders) != 1:
            return
        try:
            erase(self._enter(objects, now), orders[0])
        except LakemintError as error:
            raise Violation(f"an erasure can be run again at once: {error!r}") from error

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


def _revised(before: bytes, after: bytes) -> bool:
    """Only so that a record goes on to another manifest, or comes out of use or into it."""
    was, now = (VersionRecord.model_validate_json(data) for data in (before, after))
    erasures = [revision.erasure for revision in now.revisions]
    own = {"manifest": was.manifest, "revisions": was.revisions, "retired": was.retired}
    older = now.model_copy(update=own).sealed()
    goes_on = now.digests[: len(was.digests)] == was.digests and len({*erasures}) == len(erasures)
    return goes_on and older == was


def _require_whole(record: VersionRecord) -> None:
    try:
        problems = verify(CONFIG, record.reference).problems
    except VersionRetired as error:
        raise Violation(f"a version that is held is whole: {error}") from error
    require(not problems, f"every version is whole: {problems}")


def _is_held(store: Store, record: VersionRecord) -> bool:
    """By who saw it after he wrote his hold."""
    held = live(store, LAKE, DATASET, record.version)
    return any(one.confirmed for _, one in held)


def _left(record: VersionRecord, digest: str = "") -> frozenset[str]:
    """The samples that a version has, or had when its manifest was that one."""
    revisions = record.revisions[: record.digests.index(digest or record.manifest)]
    return ROWS[record.digests[0]] - {SAMPLES[revision.erasure] for revision in revisions}


def _read(store: Store, reference: str) -> Read:
    try:
        found = read(store, reference)
    except LakemintError as error:
        raise Violation(f"what was revised can be read: {error!r}") from error
    assert found
    return found


def _names(objects: Objects, prefix: str) -> list[str]:
    return sorted(key.removeprefix(prefix) for key in objects if key.startswith(prefix))


def _require_gone(objects: Objects, name: str) -> None:
    sample = SAMPLES[name].encode()
    where = [
        key
        for key, kept in objects.items()
        if key.startswith(LAKE.published(DATASET)) and sample in kept.data
    ]
    require(not where, f"what was erased is nowhere: {where}")


def _publish_twice(store: Store) -> None:
    record = publish(store).record
    again = publish(store)
    require(again.record == record and not again.made, "publishing again changes nothing")


def _told_the_truth(store: Store, name: str, end: Ended) -> None:
    """What an actor was told at its end is so."""
    if end.error:
        _rightly_refused(store, name, end.error)
    elif isinstance(end.value, Published):
        record, digest = end.value.record, end.value.digest
        there = read_version(store, LAKE, DATASET, record.version)
        own = digest in record.digests and there.digests[: len(record.digests)] == record.digests
        same = there.publication == record.publication
        require(own and same, f"{name}'s version is there, and is its own")
    elif isinstance(end.value, Moved):
        moves = _moves(store, name)
        require(moves == int(end.value.changed), f"{name} moved the channel {moves} times")
    elif isinstance(end.value, Read):
        there = read_version(store, LAKE, DATASET, end.value.number)
        own = end.value.digest in there.digests and end.value.ids == _left(there, end.value.digest)
        require(own, f"{name} read a version and nothing else")
    elif isinstance(end.value, Erased):
        require(end.value.revisions == _revisions(store, end.value.name), f"{name} is told what it erased")
    elif isinstance(end.value, Verified):
        require(end.value.sound, f"{name} is told what is wrong: {end.value.problems}")


def _rightly_refused(store: Store, name: str, error: Exception) -> None:
    told: dict[type[Exception], Callable[[], bool]] = {
        StoreUnavailable: lambda: "injected" in str(error),
        ChannelMoved: lambda: _moves(store, name) == 0 and _moves(store) > 0,
        VersionRetired: lambda: any(record.retired for record in _records(store)),
        VersionRevised: lambda: any(
            f"{DATASET}@{record.version}: " in str(error) and record.revisions for record in _records(store)
        ),
        LakemintError: lambda: (
            any(word in str(error) for word in REFUSALS)
            or ("files of the tables are gone" in str(error) and any(store.list(VACUUMED)))
        ),
    }
    require(type(error) in told and told[type(error)](), f"{name} is told what is so: {error!r}")


def _records(store: Store) -> list[VersionRecord]:
    there = numbers(store, LAKE, DATASET)
    return [read_version(store, LAKE, DATASET, number) for number in there]


def _revisions(store: Store, erasure: str) -> tuple[tuple[int, Revision], ...]:
    return tuple(
        (record.version, revision)
        for record in _records(store)
        for revision in record.revisions
        if revision.erasure == erasure
    )


def _moves(store: Store, name: str = "") -> int:
    """How often somebody, or that one, moved the channel during the scenario."""
    record = channels.read(store, LAKE, PRODUCTION)
    return sum(position.by != "before" and position.by.startswith(name) for position in record.positions)
