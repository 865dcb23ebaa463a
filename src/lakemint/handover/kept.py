"""The records of hand-overs in the lake: `published/<dataset>/handovers/<run>/<attempt>.json`."""

import re

from lakemint.errors import IntegrityError, TrainingError
from lakemint.handover.record import MAX_BYTES, Handover, parse_handover
from lakemint.lake import Lake
from lakemint.store import Store

_RECORD = re.compile(r"(?P<run>[a-z][a-z0-9-]{0,39})/(?P<attempt>[0-9]{4})\.json")


def keep(store: Store, lake: Lake, handover: Handover) -> None:
    """Write it; raises ObjectExists when that attempt is another one."""
    own = handover.version.dataset, handover.training.run, handover.attempt
    store.create(lake.handover(*own), handover.data())


def newest(store: Store, lake: Lake, dataset: str, run: str) -> Handover | None:
    """A run's last attempt; raises FormatError, and IntegrityError for another's record at its place."""
    attempts = _attempts(store, lake, dataset, run)
    return _read(store, lake, dataset, run, attempts[run]) if run in attempts else None


def found(store: Store, lake: Lake, dataset: str, run: str) -> Handover:
    """As `newest`; raises TrainingError, naming those that are there, when there is none."""
    handover = newest(store, lake, dataset, run)
    if handover is None:
        there = ", ".join(sorted(_attempts(store, lake, dataset))) or "none"
        raise TrainingError(f"no training {run[:60]!r} on {dataset}: there are {there}")
    return handover


def listing(store: Store, lake: Lake, dataset: str) -> list[Handover]:
    """The last attempt of each run, by name; raises as `newest`."""
    attempts = _attempts(store, lake, dataset)
    return [_read(store, lake, dataset, run, attempts[run]) for run in sorted(attempts)]


def _attempts(store: Store, lake: Lake, dataset: str, run: str = "") -> dict[str, int]:
    """Run → the number of its last attempt."""
    top, last = lake.handovers(dataset), dict[str, int]()
    for key, _ in store.sizes(lake.handovers(dataset, run)):
        if name := _RECORD.fullmatch(key.removeprefix(top)):
            last[name["run"]] = max(int(name["attempt"]), last.get(name["run"], 0))
    return last


def _read(store: Store, lake: Lake, dataset: str, run: str, attempt: int) -> Handover:
    where = lake.handover(dataset, run, attempt)
    handover = parse_handover(store.get(where, MAX_BYTES), where)
    if (handover.version.dataset, handover.training.run, handover.attempt) != (dataset, run, attempt):
        raise IntegrityError(f"{where}: it is the record of another hand-over; restore it from a copy")
    return handover
