"""An erasure, carried out: the one place that knows all where a subject's data may be.

What is to go is searched first, and written into the order before anything is removed: cut off anywhere, the
next run knows it still, though half of it is gone. Then all is searched again, until nothing is found.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from lakemint.config import Config
from lakemint.dataset.recipe import load_recipe
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Found, Order, Receipt, RevisedVersion, Trace, digests_of_subjects
from lakemint.erase.scrub import scrub
from lakemint.erase.tables import Place, Rewritten, SubjectTables
from lakemint.errors import LakemintError
from lakemint.feed.cache import ShardCache
from lakemint.ingest import traces as raw
from lakemint.ingest.erasure import erase as erase_lines
from lakemint.label.erasure import erase_tasks, tasks_of
from lakemint.label.studio import connect
from lakemint.lake import Lake
from lakemint.publish.erasure import Eraser, Search, Sought
from lakemint.publish.signing import Signing
from lakemint.published.catalog import numbers
from lakemint.published.leases import Lease
from lakemint.published.records import read_manifest
from lakemint.published.version_record import VersionRecord, read_version
from lakemint.spark import free_scratch
from lakemint.stack.servers.label_studio import compact_label_studio
from lakemint.stack.servers.s3 import compact_store
from lakemint.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PASSES: Final = 3
"""Searches that may find something; what comes in faster than it goes is somebody's work to stop."""
Tell = Callable[[str], object]


class Erasure:
    """One order for one dataset, on a Spark session; `tell` hears what is done just now."""

    def __init__(self, spark: "SparkSession", config: Config, order: Order, tell: Tell) -> None:
        self._spark, self._config, self._order, self._tell = spark, config, order, tell
        self._store, self._lake = open_store(config), Lake(config.need("lake"))
        self._recipe = load_recipe(config.schemas_folder(), order.dataset)
        own = self._store, self._lake, order.dataset
        self._orders = Erasures(*own)
        self._tables = SubjectTables(spark, *own, order.subjects)
        self._signing = Signing.of(config, *own)

    def plan(self) -> dict[str, Any]:
        """What would go; changes nothing. Raises as `carry_out` does."""
        found, versions = self._search()
        return {
            "samples": len(found.samples),
            "records": found.records,
            "objects": found.objects,
            "rows": found.rows,
            "tasks": found.tasks,
            "versions": [{"version": number, "rows": rows} for number, rows in versions],
        }

    def carry_out(self, held: Lease, now: Callable[[], str]) -> Receipt:
        """Remove everything, and put the receipt in the place of the order; `now` gives the time.

        Raises IntegrityError for a version that cannot be read, SignatureError for a signed one without a key
        to sign by, UnsafeStore where the store would keep the bytes, LakemintError when more of the subject
        keeps coming or the lease `held` is about to end, and the errors of what is away.
        """
        is_begun = self._order.found is not None
        for _ in range(PASSES):
            found, versions = self._search()
            if not (is_begun or versions or found.is_anything):
                self._compact()
                held.require()  # else somebody may have published since the versions were searched
                return self._close(now())
            self._begin(found)
            self._remove(held)
            is_begun = False
        raise LakemintError(
            f"{self._order.dataset}: more of the subject keeps coming: stop the dataset's runs and whoever "
            "lands its data, then erase again"
        )

    def _search(self) -> tuple[Found, list[tuple[int, int]]]:
        """What is there, and of each version that has such rows how many."""
        subjects = self._order.subjects
        self._tell("searching the raw objects")
        found = [*raw.traces(self._store, self._lake, self._recipe, subjects)]
        self._tell("searching the tables")
        places = [Place(trace.object, trace.etag, line) for trace in found for line in trace.lines]
        held = self._tables.find(places, self._states())
        self._tell("searching the versions")
        versions = self._versions(held.samples).versions()
        plain = [Trace(**{**trace._asdict(), "lines": [*trace.lines]}) for trace in found]
        return (
            Found(
                samples=sorted(held.samples),
                traces=plain,
                rows=dict(held.rows),
                tasks=self._tasks(held.samples),
                lost_states=len(held.gone),
            ),
            versions,
        )

    def _begin(self, found: Found) -> None:
        """Write down what was found, before any of it goes."""
        before = self._order.found
        self._order = self._order.model_copy(
            update={"found": found if before is None else before.and_(found)}
        )
        self._orders.write(self._order)

    def _remove(self, held: Lease) -> None:
        order, found = self._order, self._order.found
        assert found is not None  # noqa: S101
        own = self._store, self._lake, order.dataset
        samples = frozenset(found.samples)
        self._tell("rewriting versions")
        sought = Sought(samples, order.subjects)
        Eraser(*own, sought=sought, erasure=order.erasure, signing=self._signing).run(held)
        self._tell("rewriting raw objects")
        rewritten = []
        for trace in found.traces:
            held.require()
            there = raw.Trace(trace.object, trace.source, trace.etag, tuple(trace.lines))
            now = erase_lines(self._store, self._lake, self._recipe, there, order.subjects)
            rewritten.append(Rewritten(trace.object, trace.etag, now, there.lines))
        self._tell("deleting rows from tables")
        self._tables.erase(samples, rewritten)
        self._tell("clearing the tables' history")
        scrub(self._spark, *own)
        self._tell("deleting tasks")
        if self._has_studio:
            with connect(self._config) as studio:
                erase_tasks(studio, self._config, order.dataset, samples)
        self._forget()

    def _compact(self) -> None:
        """Have the servers of this machine's stack rewrite their files without what was deleted."""
        if self._config.home and self._order.found:
            self._tell("rewriting the servers' files")
            free_scratch(self._spark)
            compact_label_studio(self._config.home)
            if self._config.lake.startswith("s3://"):
                compact_store(self._config.home, self._config.s3_endpoint)

    def _forget(self) -> None:
        """Delete this machine's copies of files that held the rows."""
        cache = ShardCache(self._config.cache_folder(), self._store)
        for record in self._records():
            cache.forget(
                read_manifest(self._store, self._lake, self._order.dataset, record.manifest).withdrawn
            )

    def _close(self, now: str) -> Receipt:
        order = self._order
        found = order.found or Found(samples=[], traces=[], rows={}, tasks=0, lost_states=0)
        receipt = Receipt(
            dataset=order.dataset,
            erasure=order.erasure,
            column=order.column,
            subjects=digests_of_subjects(order.erasure, order.subjects),
            by=order.by,
            ordered_at=order.ordered_at,
            done_at=now,
            samples=len(found.samples),
            records=found.records,
            objects=found.objects,
            rows=found.rows,
            tasks=found.tasks,
            versions=[one for record in self._records() for one in revised(record, order.erasure)],
            searched=self._searched(),
            lost_states=found.lost_states,
        ).signed(self._signing.key)
        self._orders.write(receipt)
        return receipt

    def _searched(self) -> list[str]:
        dataset = self._order.dataset
        sources = [self._lake.raw(dataset, source) for source in self._recipe.sources]
        studio = [self._config.label_studio_url] if self._has_studio else []
        cache = f"the cache of {self._config.acting_user()}"
        return [*sources, f"tables/*/{dataset}", self._lake.published(dataset), *studio, cache]

    @property
    def _has_studio(self) -> bool:
        return bool(self._config.label_studio_url)

    def _tasks(self, samples: frozenset[str]) -> int:
        if not (self._has_studio and samples):
            return 0
        with connect(self._config) as studio:
            return tasks_of(studio, self._config, self._order.dataset, samples)

    def _versions(self, samples: frozenset[str]) -> Search:
        sought = Sought(samples, self._order.subjects)
        return Search(self._store, self._lake, self._order.dataset, sought)

    def _states(self) -> Any:
        """The states of silver that published versions were made from."""
        for record in self._records():
            manifest = read_manifest(self._store, self._lake, self._order.dataset, record.manifest)
            if silver := manifest.inputs.get("silver"):
                yield silver

    def _records(self) -> list[VersionRecord]:
        there = numbers(self._store, self._lake, self._order.dataset)
        return [read_version(self._store, self._lake, self._order.dataset, number) for number in there]


def revised(record: VersionRecord, erasure: str) -> list[RevisedVersion]:
    """What an erasure made of a version, step by step."""
    after: Mapping[str, str] = dict(zip(record.digests, record.digests[1:], strict=False))
    return [
        RevisedVersion(version=record.version, before=one.manifest, after=after[one.manifest], rows=one.rows)
        for one in record.revisions
        if one.erasure == erasure
    ]
