"""Which training runs read which parts of a version: their receipts, added up."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lakemint.errors import FormatError
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.ranges import Range, merged, total
from lakemint.published.receipts import OrderRecord, ReceiptRecord, receipts
from lakemint.published.version_record import VersionRecord, read_version
from lakemint.store import Store

PRESENT: Final = "present"
BEFORE: Final = "before an erasure"
UNKNOWN: Final = "unknown"
"""Which revision of a version was read; the last is none that it ever had."""


@dataclass(frozen=True)
class Consumer:
    """What a run read of one split in one order, whatever processes it took."""

    receipts: tuple[ReceiptRecord, ...]
    """One a process, by when they began."""
    revision: str
    """`PRESENT`, `BEFORE` or `UNKNOWN`."""
    erased: int
    """Rows that were erased since it read the version."""

    @property
    def run(self) -> str:
        return self._last.run

    @property
    def split(self) -> str:
        return self._last.split

    @property
    def order(self) -> OrderRecord:
        return self._last.order

    @property
    def model(self) -> str | None:
        """The last that it told."""
        return next((one.model for one in reversed(self.receipts) if one.model), None)

    @property
    def ranges(self) -> list[Range]:
        """Of the order without end, see `ReceiptRecord.ranges`."""
        return merged(pair for one in self.receipts for pair in one.ranges)

    @property
    def epochs(self) -> float:
        """How often it read the split, or how much of it."""
        return total(self.ranges) / self._last.places if self._last.places else 0.0

    @property
    def begun_at(self) -> datetime:
        return self.receipts[0].begun_at

    @property
    def _last(self) -> ReceiptRecord:
        return self.receipts[-1]

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        last = self._last
        return {
            "run": self.run,
            "split": self.split,
            "status": last.status,
            "failure": last.failure,
            "begun_at": self.begun_at.isoformat(),
            "seen_at": last.seen_at.isoformat(),
            "ended_at": last.ended_at.isoformat() if last.ended_at else None,
            "examples": total(self.ranges),
            "epochs": round(self.epochs, 6),
            "places": last.places,
            "ranges": self.ranges,
            "order": self.order.model_dump(mode="json"),
            "world": last.world,
            "model": self.model,
            "launchers": last.launchers,
            "attempts": [one.attempt for one in self.receipts],
            "manifest": last.manifest,
            "revision": self.revision,
            "erased_since": self.erased,
        }


@dataclass(frozen=True)
class Consumers:
    """The runs that read a version, by when they began."""

    version: VersionRecord
    found: tuple[Consumer, ...]
    unreadable: tuple[str, ...]
    """What is wrong with receipts that cannot be read."""


def consumers(store: Store, lake: Lake, reference: Reference) -> Consumers:
    """Of one version. Raises VersionNotFound, IntegrityError, FormatError for the version, and StoreError."""
    version = read_version(store, lake, reference.dataset, reference.number)
    held: dict[tuple[object, ...], list[ReceiptRecord]] = defaultdict(list)
    unreadable = []
    for one in receipts(store, lake, reference):
        if isinstance(one, FormatError):
            unreadable.append(str(one))
        else:
            held[one.run, one.split, one.manifest, one.places, one.order.model_dump_json()].append(one)
    found = (_consumer(version, group) for group in held.values())
    ordered = sorted(found, key=lambda one: (one.begun_at, one.run, one.split))
    return Consumers(version, tuple(ordered), tuple(sorted(unreadable)))


def _consumer(version: VersionRecord, group: Iterable[ReceiptRecord]) -> Consumer:
    ordered = tuple(sorted(group, key=lambda one: (one.begun_at, one.seen_at)))
    manifest, digests = ordered[0].manifest, version.digests
    if manifest not in digests or ordered[0].order.digest != digests[0]:
        return Consumer(ordered, UNKNOWN, 0)
    since = version.revisions[digests.index(manifest) :]
    return Consumer(ordered, BEFORE if since else PRESENT, sum(one.rows for one in since))
