"""Training runs, and the receipts they leave in the lake: which examples of which version each one read.

A receipt tells places in the order of examples, never rows nor their ids, so that an erasure need not look
for them there. The first rank of a run writes it, for all ranks: after a step they all are at the same place.
It is written when a loader begins, when its state is saved, and when an epoch or the run ends. So whatever a
checkpoint was trained on, the receipt tells too; what a run that was killed read behind that, nobody kept.
"""

import json
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lakemint.clock import utc_now
from lakemint.config import launched_run
from lakemint.errors import LakemintError, StoreError
from lakemint.feed.posting import Posting
from lakemint.feed.state import Order
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.openlineage import Destination, event
from lakemint.printable import printable
from lakemint.published.ranges import merged

if TYPE_CHECKING:
    from types import TracebackType

    from lakemint.feed.epoch import Cut
    from lakemint.feed.split import Split
    from lakemint.store import Store

FORMAT: Final = "lakemint.receipt/1"
MAX_NAME: Final = 200
"""Characters of a run's name."""
MAX_MODEL: Final = 1000
MAX_RANGES: Final = 1000
"""Of a receipt; of more, the narrowest gaps are closed."""
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Origin:
    """What a split was opened from: that is where receipts of reading it go."""

    store: "Store"
    lake: Lake
    reference: Reference
    manifest: str
    """The digest of what is read: an erasure gives the version another one, and orders go on as they were."""
    lineage: Destination


@dataclass(frozen=True)
class Part:
    """A split that a loader reads along an order, or a mixture as one of its sources."""

    split: "Split"
    order: Order
    mixture: str = ""
    """Which source of which mixture it is."""
    before: Callable[[int], int] = lambda position: position
    """How many of the split's examples come before a position, epoch after epoch."""

    @property
    def origin(self) -> Origin:
        """The split's; raises LakemintError when it has none."""
        if self.split.origin is None:
            raise LakemintError(f"{self.split.name} was opened from no lake that a receipt could go to")
        return self.split.origin


class Run:
    """A training run: give it to its loaders, and their receipts name it. See `lakemint.run`."""

    def __init__(self, name: str | None, model: str | None, *, strict: bool) -> None:
        self._launchers = {who: _line(run, MAX_NAME) for who, run in launched_run().items()}
        self.name = _line(name or next(iter(self._launchers.values()), ""), MAX_NAME)
        """What people call it."""
        if not self.name:
            raise LakemintError('the run has no name, and nothing that launched it says one: run("exp-7")')
        self.model = model
        """What it produces, as people will find it: a path, a URI. Set it whenever it is known."""
        self.id = str(uuid.uuid4())
        """Of this process's part of the run: begun again under its name, it has another."""
        self._receipts: dict[object, Receipt] = {}
        self._posting = Posting(strict, self._warn)
        self._status, self._failure, self._ended_at, self._is_warned = "running", "", "", False

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        is_failed = error is not None and not (isinstance(error, SystemExit) and not error.code)
        # What went wrong with the training is told, and not what went wrong with telling.
        with suppress(*([LakemintError] if is_failed else [])):
            self.end(failure=error.__class__.__name__ if is_failed else "")

    def end(self, failure: str = "") -> None:
        """Say that it is over, complete or by a `failure` of that name; leaving `with` does."""
        if self._status != "running":
            return
        self._status, self._failure, self._ended_at = "failed" if failure else "complete", failure, _now()
        try:
            for receipt in self._begun():
                self.save(receipt)
            self._tell("FAIL" if failure else "COMPLETE")
        finally:
            self._posting.close()

    def receipt(self, part: "Part", world: int) -> "Receipt":
        """That of reading one split along one order, the same for all loaders that do so.

        Raises LakemintError when the run is over.
        """
        if self._status != "running":
            raise LakemintError(f"the run {self.name} is over: begin another for this loader")
        known = (part.origin.lake.root, part.origin.manifest, part.order, part.mixture)
        if known not in self._receipts:
            self._receipts[known] = Receipt(self, part)
        self._receipts[known].world = world
        return self._receipts[known]

    def facts(self) -> dict[str, Any]:
        """What all receipts say of the run."""
        return {
            "run": self.name,
            "attempt": self.id,
            "launchers": self._launchers,
            "model": _line(str(self.model), MAX_MODEL) if self.model else None,
            "status": self._status,
            "failure": self._failure or None,
            "seen_at": self._ended_at or _now(),
            "ended_at": self._ended_at or None,
        }

    def save(self, receipt: "Receipt") -> None:
        """Have a receipt written, as it is by then. After the end nothing is."""
        self._posting.post(receipt.key, receipt.write)

    def begin(self, receipt: "Receipt") -> None:
        """As `save`, the first time."""
        self.save(receipt)
        self._tell("START" if self._begun() == [receipt] else "RUNNING")

    def _begun(self) -> list["Receipt"]:
        return [receipt for receipt in self._receipts.values() if receipt.is_begun]

    def _tell(self, kind: str) -> None:
        """Send what others know of it to where lineage is kept, if it is anywhere."""
        begun = self._begun()
        if begun and (lineage := begun[0].origin.lineage).url:
            told = event(kind, [(one.origin.lake, one.content()) for one in begun], _now())
            self._posting.post(f"{kind} {len(begun)}", lambda: lineage.send(told))

    def _warn(self, error: Exception) -> None:
        if not self._is_warned:
            self._is_warned = True
            hint = "Receipts need credentials that may write below published/<dataset>/receipts/; "
            warnings.warn(
                f"training goes on, but what the run {self.name} reads is not all written down: {error}. "
                f"{hint if isinstance(error, StoreError) else ''}with strict=True this is an error",
                RuntimeWarning,
                stacklevel=2,
            )


class Receipt:
    """`published/<dataset>/receipts/<number>/<uuid>.json`, as it grows."""

    def __init__(self, run: Run, part: Part) -> None:
        self._run, self._part, self.origin = run, part, part.origin
        self.world = 1
        """How many ranks read."""
        self.key = ""
        self.is_begun = False
        self._begun_at = ""
        self._ranges: list[list[int]] = []

    def begin(self) -> None:
        """The first time that a loader reads, write it."""
        if not self.is_begun:
            reference = self.origin.reference
            self.key = self.origin.lake.receipt(reference.dataset, reference.number, str(uuid.uuid4()))
            self.is_begun, self._begun_at = True, _now()
            self._run.begin(self)

    def read(self, begin: int, end: int) -> None:
        """All ranks together read these places of the order that they walk, see `Part.before`."""
        if self._ranges and self._ranges[-1][1] == begin:
            self._ranges[-1][1] = end
            return
        self._ranges.append([begin, end])
        if len(self._ranges) > 2 * MAX_RANGES:
            self._ranges = [list(one) for one in merged(self._ranges, MAX_RANGES)]

    def save(self) -> None:
        """Have it written, as it is by then."""
        if self.is_begun:
            self._run.save(self)

    def write(self) -> None:
        """Write it as it is now, whoever goes on reading; raises StoreError."""
        self.origin.store.put(self.key, json.dumps(self.content(), sort_keys=True).encode())

    def content(self) -> dict[str, Any]:
        """As `published.receipts.ReceiptRecord` reads it."""
        order, reference, before = self._part.order, self.origin.reference, self._part.before
        weights = self._part.split.weights
        ranges = [(before(begin), before(end)) for begin, end in merged(self._ranges)]
        return {
            "format": FORMAT,
            "dataset": reference.dataset,
            "version": reference.number,
            "manifest": self.origin.manifest,
            "split": order.split,
            "order": _order(order, {**weights.rule.plain(), "digest": weights.digest} if weights else None),
            "places": self._part.split.places,
            "ranges": merged(ranges, MAX_RANGES),
            "world": self.world,
            "begun_at": self._begun_at,
            **self._run.facts(),
        }


class Reading:
    """The receipts of one loader: of each of its splits, where there is a run and this is its first rank."""

    def __init__(self, receipts: Sequence[Receipt] = ()) -> None:
        self._receipts = receipts

    def noted(
        self, batches: Iterable[tuple[int, Batch]], position: int, first: int = 0
    ) -> Iterator[tuple[int, Batch]]:
        """The same batches, with where the loader is after each; each is noted before it is handed out.

        `position`: where it is before the first; `first`: the place of position 0, see `Part.before`.
        """
        for receipt in self._receipts:
            receipt.begin()
        for behind, batch in batches:
            for receipt in self._receipts:
                receipt.read(first + position, first + behind)
            position = behind
            yield behind, batch
        self.save()

    def save(self) -> None:
        """See `Receipt.save`."""
        for receipt in self._receipts:
            receipt.save()


def reading(run: Run | None, parts: Iterable[Part], cut: "Cut") -> Reading:
    """For a loader whose ranks walk the order as `cut` says; raises LakemintError when the run is over."""
    if run is None or cut.rank:
        return Reading()
    return Reading([run.receipt(part, cut.world) for part in parts])


def _order(order: Order, weights: Mapping[str, Any] | None) -> Mapping[str, Any]:
    names = ("digest", "seed", "shuffle", "window", "algorithm")
    return {**{name: getattr(order, name) for name in names}, "weights": weights}


def _now() -> str:
    # Parts of one run may begin within a second.
    return utc_now("milliseconds")


def _line(text: str, at_most: int) -> str:
    """One printable line of so many characters."""
    return printable(text).replace("\n", " ").strip()[:at_most]
