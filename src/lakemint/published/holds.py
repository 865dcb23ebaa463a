"""Holds: who reads a version for longer, so that it stays whole and opens though its owner retires it.

    published/<dataset>/holds/<number>/<uuid>.json

Who holds a version writes his record first and looks at the version's then: where that is not retired, he
confirms his hold. Who collects garbage looks at the versions first and for holds then, confirmed or not.
Stores show a write to every later read. So if the one read a record that was not retired yet, his hold was
there before the retirement, and the other, who read of that, finds it. A retired version can be held while
there is another confirmed hold: that was there before the other looked for holds too, or leaned on one that
was. Unconfirmed ones do not count there: two who come too late would take each other for the first.

A dead holder's hold ends by itself. The feed holds too: this stands on nothing that a training image has not.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from lakemint.errors import FormatError, LakemintError, ObjectNotFound, StoreError
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.taken import Look, Retired, refusal
from lakemint.published.words import check_words

if TYPE_CHECKING:
    from lakemint.store.base import Store

MAX_DAYS: Final = 90
"""The longest term."""
_MAX_BYTES: Final = 16 * 1024


@dataclass(frozen=True)
class Term:
    """For how long a version is held, and by whom; raises LakemintError for what is no term or no name."""

    days: float
    by: str

    def __post_init__(self) -> None:
        check_words(self.by)
        if not 0 < self.days <= MAX_DAYS:
            raise LakemintError(f"a hold of {self.days:g} days: hold for more than 0 and at most {MAX_DAYS}")


@dataclass(frozen=True)
class Hold:
    """`published/<dataset>/holds/<number>/<uuid>.json`: times are ISO 8601 with a zone."""

    dataset: str
    version: int
    by: str
    since: datetime
    until: datetime
    """When it ends by itself."""
    confirmed: bool
    """Whether the version was seen to be there after this was written."""
    format: Literal["lakemint.hold/1"] = "lakemint.hold/1"

    @property
    def reference(self) -> Reference:
        return Reference(self.dataset, self.version)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "since": self.since.isoformat(), "until": self.until.isoformat()}


def require_open(store: "Store", lake: Lake, version: Reference, retired: Retired | None, look: Look) -> None:
    """Raises VersionRetired for a version whose record says `retired`, unless somebody holds it."""
    if retired and not any(held.confirmed for _, held in live(store, lake, version.dataset, version.number)):
        raise refusal(store, lake, version, retired, look)


@contextmanager
def holding(store: "Store", lake: Lake, version: Reference, look: Look, term: Term) -> Iterator[Hold]:
    """Hold a version for as long as this is entered, and for that term at most; raises as `take`."""
    name, held = take(store, lake, version, look, term)
    try:
        yield held
    finally:
        with suppress(StoreError):  # it ends by itself
            store.delete(lake.hold(version.dataset, version.number, name))


def take(store: "Store", lake: Lake, version: Reference, look: Look, term: Term) -> tuple[str, Hold]:
    """Hold a version; returns the hold's UUID, and what was written.

    Raises VersionRetired for a version that is retired and that nobody else holds, what `look` raises, and
    StoreError.
    """
    now, name = datetime.now(UTC), str(uuid.uuid4())
    ends = now + timedelta(days=term.days)
    held = Hold(version.dataset, version.number, term.by, now, ends, confirmed=False)
    key = lake.hold(version.dataset, version.number, name)
    try:
        store.put(key, _stored(held))
        require_open(store, lake, version, look(version.number), look)
        held = replace(held, confirmed=True)
        store.put(key, _stored(held))
    except BaseException:
        with suppress(StoreError):
            store.delete(key)
        raise
    return name, held


def release(store: "Store", lake: Lake, version: Reference, name: str) -> Hold:
    """End a hold by its UUID, whosever it is; returns what it was. Raises LakemintError for none."""
    key = lake.hold(version.dataset, version.number, name)
    there = dict(holds(store, lake, version.dataset, version.number))
    if key not in there:
        named = ", ".join(uuid_of(other) for other in there)
        raise LakemintError(f"{version}: no hold {name}; there {f'are {named}' if named else 'is none'}")
    store.delete(key)
    return there[key]


def live(store: "Store", lake: Lake, dataset: str, number: int | None = None) -> list[tuple[str, Hold]]:
    """The holds, with their keys, that have not ended, by version and end; raises as `holds`."""
    now = datetime.now(UTC)
    found = [(key, held) for key, held in holds(store, lake, dataset, number) if held.until > now]
    return sorted(found, key=lambda one: (one[1].version, one[1].until))


def holds(store: "Store", lake: Lake, dataset: str, number: int | None = None) -> Iterator[tuple[str, Hold]]:
    """Every hold with its key, those that ended too, of all versions or of one.

    Raises FormatError for one that cannot be read, and for one that is at another's place.
    """
    for item in store.list(lake.holds(dataset, number)):
        try:
            data = store.get(item.key, _MAX_BYTES)
        except ObjectNotFound:
            continue  # given back just now
        held = _parsed(data, item.key)
        if not item.key.startswith(lake.holds(held.dataset, held.version)):
            raise FormatError(f"{item.key}: by its own words it holds {held.reference}; take it away")
        yield item.key, held


def uuid_of(key: str) -> str:
    """By which a hold is released."""
    return key.rpartition("/")[2].removesuffix(".json")


def _stored(held: Hold) -> bytes:
    """RFC 8785, which Python writes too for texts and whole numbers."""
    return json.dumps(held.plain(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _parsed(data: bytes, where: str) -> Hold:
    try:
        record = json.loads(data)
        if record["format"] != Hold.format:
            raise ValueError(f"its format is {record['format']!r}, this Lakemint reads {Hold.format}")
        version = Reference.parse(f"{record['dataset']}@{record['version']}")
        since, until = (datetime.fromisoformat(record[name]) for name in ("since", "until"))
        check_words(record["by"])
        if since.tzinfo is None or until - since > timedelta(days=MAX_DAYS):
            raise ValueError(f"times without a zone, or more than {MAX_DAYS} days apart")
        confirmed = record["confirmed"] is True
        return Hold(version.dataset, version.number, record["by"], since, until, confirmed)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, LakemintError) as error:
        raise FormatError(f"{where}: no hold ({error}); take it away if nobody reads the version") from error
