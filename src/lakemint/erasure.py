"""An erasure, carried out: the one place that knows all where a subject's data may be.

What is to go is searched first, and written into the order before anything is removed: cut off anywhere, the
next run knows it still, though half of it is gone. Then all is searched again, until nothing is found.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lakemint.config import Config
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Found, Order, Receipt, RevisedVersion, digests_of_subjects
from lakemint.erase.scrub import scrub
from lakemint.erase.tables import Place, SubjectTables
from lakemint.errors import LakemintError
from lakemint.export.card import renew_cards
from lakemint.feed.cache import ShardCache
from lakemint.label.erasure import erase_tasks, tasks_of
from lakemint.label.studio import connect
from lakemint.lake import Lake
from lakemint.publish.erasure import Eraser, Sought
from lakemint.publish.signing import Signing
from lakemint.published.catalog import numbers
from lakemint.published.leases import Lease, lease
from lakemint.published.version_record import VersionRecord, find_manifest, read_version
from lakemint.spark import free_scratch, spark_session
from lakemint.stack.servers.label_studio import compact_label_studio
from lakemint.stack.servers.s3 import compact_store
from lakemint.store import open_store
from lakemint.subject_lines import SubjectLines, all_keys, stored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PASSES: Final = 3
"""Searches that may find something; what comes in faster than it goes is somebody's work to stop."""
Tell = Callable[[str], object]


def carry_out(spark: "SparkSession", config: Config, record: Order | Receipt, tell: Tell) -> Receipt:
    """Remove all that is to go, and return the receipt, which `complete` completes.

    Raises LakemintError for an erasure that is complete or not agreed to, and as `Erasure` does.
    """
    if not record.is_due:
        state = "is complete" if record.has_begun else "was not agreed to"
        raise LakemintError(f"the erasure {record.erasure} {state}: `lakemint erasures {record.dataset}`")
    if isinstance(record, Order):
        own = open_store(config), Lake(config.need("lake")), record.dataset
        with lease(*own, "erase", record.erasure) as held:
            return Erasure(spark, config, record, tell).carry_out(held)
    return record


class Erasure:
    """One order for one dataset, on a Spark session; `tell` hears what is done just now."""

    def __init__(self, spark: "SparkSession", config: Config, order: Order, tell: Tell) -> None:
        """Raises ConfigError when people may have labeled the dataset, and Label Studio is not configured.

        And IntegrityError for a version whose record, manifest or recipe is damaged.
        """
        self._spark, self._config, self._order, self._tell = spark, config, order, tell
        self._store, self._lake = open_store(config), Lake(config.need("lake"))
        self._recipe = load_recipe(config.schemas_folder(), order.dataset)
        own = self._store, self._lake, order.dataset
        self._orders = Erasures(*own)
        self._lines = SubjectLines(self._store, self._lake, self._recipe, order.subjects)
        self._tables = SubjectTables(spark, *own, order.subjects)
        self._signing = Signing.of(config, *own)
        if self._recipe.label.form or DeltaLog(*own).last("annotations"):
            config.need("label_studio_url")

    def plan(self) -> dict[str, Any]:
        """What would go; changes nothing. Raises as `carry_out` does."""
        found, versions = self._search()
        return {
            "samples": len(found.samples),
            "records": found.records,
            "unread": found.unread,
            "objects": found.objects,
            "recorded": found.recorded,
            "rows": found.rows,
            "tasks": found.tasks,
            "versions": [{"version": number, "rows": rows} for number, rows in versions],
            "lost_states": found.lost_states,
        }

    def carry_out(self, held: Lease) -> Receipt:
        """Remove everything, and put a receipt in the place of the order, to be completed by `complete`.

        Once something may have been removed, the lease is kept until all is. Raises IntegrityError for a
        version that cannot be read, SignatureError for a signed one without a key to sign by, UnsafeStore
        where the store would keep the bytes, LakemintError when more of the subject keeps coming, another run
        was faster, or the lease `held` is about to end, and the errors of what is away.
        """
        for number in range(PASSES):
            found, versions = self._search()
            # Once in any case: no row of now may name the subject, and the tables' history still.
            if number and not (versions or found.is_anything):
                held.require()  # else somebody may have published since the versions were searched
                return self._close()
            held.keep()
            self._begin(found)
            self._remove(held)
        raise LakemintError(
            f"{self._order.dataset}: more of the subject keeps coming: stop the dataset's runs and whoever "
            "lands its data, then erase again"
        )

    def _search(self) -> tuple[Found, list[tuple[int, int]]]:
        """What is there, and of each version that has such rows how many."""
        self._tell("searching the raw objects")
        found = self._lines.find()
        self._tell("searching the tables")
        places = [Place(trace.object, trace.etag, line) for trace in found for line in trace.lines]
        held = self._tables.find(places, self._states(), self._lines.key)
        self._tell("searching the recorded answers")
        seen = [(trace.source, key) for trace in found for key in trace.keys]
        keys = all_keys(self._order.found, seen, held.keys)
        recordings = self._lines.find_recorded(keys)
        self._tell("searching the versions")
        versions = self._eraser(held.samples).search()
        return (
            Found(
                samples=sorted(held.samples),
                traces=stored(found),
                keys=keys,
                recordings=recordings,
                rows=dict(held.rows),
                tasks=self._tasks(held.samples),
                lost_states=len(held.gone),
            ),
            versions,
        )

    def _begin(self, found: Found) -> None:
        """Write down what was found, before any of it goes."""
        while True:
            before = self._order
            all_found = found if before.found is None else before.found.and_(found)
            wanted = before.model_copy(update={"found": all_found})
            self._order = self._unfinished(self._orders.replace(before, wanted))
            if self._order == wanted:
                return

    def _unfinished(self, now: Order | Receipt) -> Order:
        if isinstance(now, Order):
            return now
        raise LakemintError(
            f"another run completed this erasure just now: `lakemint erasures {now.dataset}` shows it"
        )

    def _remove(self, held: Lease) -> None:
        order, found = self._order, self._order.found
        assert found is not None  # noqa: S101
        own = self._store, self._lake, order.dataset
        samples = frozenset(found.samples)
        self._tell("rewriting versions")
        made = self._eraser(samples).run(held)
        renew_cards(self._config, order.dataset, {number for number, _ in made}, self._tell)
        self._tell("rewriting raw objects and recorded answers")
        rewritten = self._lines.erase(found, held.require)
        self._tell("deleting rows from tables")
        self._tables.erase(samples, rewritten)
        self._tell("clearing the tables' history")
        scrub(self._spark, *own)
        self._tell("deleting tasks")
        if self._config.label_studio_url:
            with connect(self._config) as studio:
                erase_tasks(studio, self._config, order.dataset, samples)
        self._forget()

    def _forget(self) -> None:
        """Delete this machine's copies of files that held the rows."""
        cache = ShardCache(self._config.cache_folder(), self._store)
        for record in self._records():
            if manifest := find_manifest(self._store, self._lake, record):
                cache.forget(manifest.withdrawn)

    def _close(self) -> Receipt:
        """Put what is known by now in the place of the order, and of the subjects' names."""
        order, found = self._order, self._order.found
        assert found is not None  # noqa: S101
        receipt = Receipt(
            dataset=order.dataset,
            erasure=order.erasure,
            column=order.column,
            subjects=digests_of_subjects(order.erasure, order.subjects),
            by=order.by,
            ordered_at=order.ordered_at,
            done_at=None,
            samples=len(found.samples),
            records=found.records,
            unread=found.unread,
            objects=found.objects,
            recorded=found.recorded,
            rows=found.rows,
            tasks=found.tasks,
            versions=[one for record in self._records() for one in revised(record, order.erasure)],
            searched=self._searched(),
            lost_states=found.lost_states,
        )
        now = self._orders.replace(order, receipt)
        if isinstance(now, Order):
            raise LakemintError(f"{order.dataset}: another run is at this erasure; run it again")
        return now

    def _searched(self) -> list[str]:
        dataset = self._order.dataset
        studio = [self._config.label_studio_url] if self._config.label_studio_url else []
        cache = f"the cache of {self._config.acting_user()}"
        return [*self._lines.roots, f"tables/*/{dataset}", self._lake.published(dataset), *studio, cache]

    def _tasks(self, samples: frozenset[str]) -> int:
        if not (self._config.label_studio_url and samples):
            return 0
        with connect(self._config) as studio:
            return tasks_of(studio, self._config, self._order.dataset, samples)

    def _eraser(self, samples: frozenset[str]) -> Eraser:
        order = self._order
        sought = Sought(samples, order.subjects)
        own = self._store, self._lake, order.dataset
        return Eraser(*own, sought=sought, erasure=order.erasure, signing=self._signing)

    def _states(self) -> Any:
        """The states of silver that published versions were made from."""
        for record in self._records():
            manifest = find_manifest(self._store, self._lake, record)
            if manifest and (silver := manifest.inputs.get("silver")):
                yield silver

    def _records(self) -> list[VersionRecord]:
        there = numbers(self._store, self._lake, self._order.dataset)
        return [read_version(self._store, self._lake, self._order.dataset, number) for number in there]


def complete(config: Config, receipts: Sequence[Receipt], tell: Tell, now: str) -> None:
    """Have this machine's servers rewrite their files without what was deleted, and sign the receipts.

    The orders' own bytes are among it, with the subjects' names. In a session of its own, since what others
    planned holds what they read. `now`: UTC, ISO 8601. Raises StackError.
    """
    store, lake = open_store(config), Lake(config.need("lake"))
    compacted = []
    if config.home and receipts:
        tell("rewriting the servers' files")
        with spark_session(config) as spark:
            free_scratch(spark)
        compact_label_studio(config.home)
        if config.lake.startswith("s3://") and compact_store(config.home, config.s3_endpoint):
            compacted = ["the files of the stack's store"]
    for receipt in receipts:
        done = receipt.model_copy(update={"done_at": now, "searched": [*receipt.searched, *compacted]})
        key = Signing.of(config, store, lake, receipt.dataset).key
        Erasures(store, lake, receipt.dataset).replace(receipt, done.signed(key))


def revised(record: VersionRecord, erasure: str) -> list[RevisedVersion]:
    """What an erasure made of a version, step by step."""
    after: Mapping[str, str] = dict(zip(record.digests, record.digests[1:], strict=False))
    return [
        RevisedVersion(version=record.version, before=one.manifest, after=after[one.manifest], rows=one.rows)
        for one in record.revisions
        if one.erasure == erasure
    ]
