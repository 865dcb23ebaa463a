"""A data subject's rows in a dataset's Delta tables: finding them, and taking them out.

Every step asks the tables how they are by now and brings them to what they should be, in an order that loses
no trace of what is still to do: killed anywhere and run again, it ends in the same. Commits carry the note of
the one before, so that a table is still made of the same inputs, read up to the same place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from lakemint.delta_log import DeltaLog
from lakemint.erase.files import TableFiles
from lakemint.erase.transforms import (
    amended,
    erased_places,
    erasures,
    ever_in,
    gone_from,
    keys_of,
    leaked_at,
    moves_of,
    naming_gone,
    of_samples,
    only_theirs,
    places_of,
    records_of,
    recounted,
    rewritten_of,
    samples_at,
    samples_of,
    unread_of,
)
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, TABLES, TableVersion
from lakemint.spark import amend, read_table
from lakemint.store.base import Store
from lakemint.subjects import Subjects

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_RAW: Final = ("objects", "bronze", "quarantine")
_PLACED: Final = ("quarantine", "rejected", "silver", "bronze")
"""Tables whose rows tell their place."""
_SAMPLED: Final = ("annotations", "labels", "gold")
_REMEMBERING: Final = ("clusters", "splits")
"""Tables that know a sample for as long as anybody gave it."""
_AT: Final = "t.object = s.object AND t.etag = s.etag"
_AT_EITHER: Final = "t.object = s.object AND t.line = s.line AND (t.etag = s.etag OR t.etag = s.now)"
_OF_SAMPLE: Final = f"t.{SAMPLE_ID} = s.{SAMPLE_ID}"
_GOES: Final = "WHEN MATCHED THEN DELETE"
_GOES_OR_MOVES: Final = "WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET etag = s.now"
_LEAVES: Final = (
    "WHEN MATCHED AND t.reason != s.reason THEN UPDATE SET etag = s.now, reason = s.reason, head = X'' "
    "WHEN NOT MATCHED THEN INSERT (object, line, etag, batch, source, reason, head) "
    "VALUES (s.object, s.line, s.now, s.batch, s.source, s.reason, X'')"
)
_RECOUNTS: Final = (
    "WHEN MATCHED THEN UPDATE SET etag = s.now, records = s.records, quarantined = s.quarantined"
)
_NAMES_NONE: Final = "WHEN MATCHED THEN UPDATE SET survivor_object = NULL, survivor_line = NULL"


class Place(NamedTuple):
    """Where a raw record stands."""

    object: str
    """The raw object's key."""
    etag: str
    line: int
    """From 1; 0 for the whole object."""


@dataclass(frozen=True)
class Rewritten:
    """A raw object whose bytes an erasure replaced, or that it deleted."""

    object: str
    """Its key."""
    before: str
    """The etag of the bytes that held the subject's records."""
    now: str | None
    """That of the bytes there now; None when the object was deleted."""
    lines: tuple[int, ...]
    """Where the records stood: from 1, or 0 for the whole object."""

    @property
    def places(self) -> list[Place]:
        """By either etag: tables may be as before, or as they will be."""
        etags = [self.before] if self.now is None else [self.before, self.now]
        return [Place(self.object, etag, line) for etag in etags for line in self.lines]


@dataclass(frozen=True)
class Held:
    """What the tables hold of a subject."""

    samples: frozenset[str]
    """The sample_ids of what it gave, those in earlier states of silver too."""
    rows: Mapping[str, int]
    """Table → rows to be removed; of tables that are there."""
    gone: tuple[TableVersion, ...]
    """States of silver that were asked for and can no longer be read."""
    keys: frozenset[tuple[str, str]] = frozenset()
    """(source, key) of the subject's records, when a key was asked for."""


class SubjectTables:
    """One subject's rows in one dataset's tables. No other job may write to them meanwhile."""

    def __init__(
        self, spark: "SparkSession", store: Store, lake: Lake, dataset: str, subjects: Subjects
    ) -> None:
        self._spark, self._store, self._lake = spark, store, lake
        self._dataset, self._subjects = dataset, subjects
        self._log = DeltaLog(store, lake, dataset)

    def find(self, places: Iterable[Place], states: Iterable[TableVersion], key: str | None = None) -> Held:
        """What is there, beside what stands at the raw `places`; changes nothing.

        `states`: of silver, those that published versions were made from. `key`: a column that recorded
        answers are joined by. Raises LakemintError when an ingest was cut off.
        """
        tables, asked = self._tables(), dict.fromkeys(states)
        if not tables:
            return Held(frozenset(), {}, (*asked,))
        records, unread = self._records(tables, places)
        at = records.unionByName(unread).select("object", "etag", "line").localCheckpoint()
        frames = [self._ever_silver(), tables.get("gold")]
        found = [samples_at(frame, self._subjects, at) for frame in frames if frame is not None]
        if "rejected" in tables:
            found.append(leaked_at(tables["rejected"], at))
        samples = frozenset(row[0] for frame in found for row in frame.collect())
        moves = moves_of(rewritten_of(self._spark, []), tables["objects"], records)
        ids = samples_of(self._spark, samples)
        rows = {name: frame.count() for name, frame in self._going(tables, ids, moves, at).items()}
        gone = tuple(state for state in asked if not self._is_there(state))
        keys = keys_of(tables["bronze"], records, key) if key else []
        return Held(samples, rows, gone, frozenset(keys))

    def erase(self, samples: Iterable[str], rewritten: Iterable[Rewritten]) -> dict[str, int]:
        """Take out the rows of the samples, and the records of the subject; table → rows removed by this run.

        A record of an object that is still there leaves a row in quarantine, so that all that landed stays
        accounted for. Raises as `find` does.
        """
        tables, changed = self._tables(), list(rewritten)
        if not tables:
            return {}
        records, unread = self._records(tables, [place for item in changed for place in item.places])
        now = rewritten_of(self._spark, [(item.object, item.before, item.now) for item in changed])
        moves = moves_of(now, tables["objects"], records).localCheckpoint()
        whole = self._amend("objects", gone_from(tables["objects"], moves), _AT, _GOES)
        left = erasures(records.unionByName(unread), moves)
        shown = self._amend("quarantine", left, _AT_EITHER, _LEAVES)
        removed = self._drop(tables, samples_of(self._spark, samples), moves)
        raw = (self._table(name) for name in ("bronze", "quarantine"))
        counts = recounted(self._table("objects"), moves, self._erased(moves), *raw)
        self._amend("objects", counts, _AT, _RECOUNTS)
        return {
            **removed,
            "objects": whole["deleted"],
            "quarantine": removed["quarantine"] + shown["updated"],
        }

    def _drop(
        self, tables: "Mapping[str, DataFrame]", ids: "DataFrame", moves: "DataFrame"
    ) -> dict[str, int]:
        """Take out what goes, and renew the etags of what stays; table → rows that went."""
        removed = {}
        for name, rows in self._going(tables, ids, moves, self._erased(moves)).items():
            if name in _PLACED:
                done = self._amend(name, rows, f"{_AT} AND t.line = s.line", _GOES_OR_MOVES)
            else:
                done = self._amend(name, rows.select(SAMPLE_ID).distinct(), _OF_SAMPLE, _GOES)
            removed[name] = done["deleted"]
        if "rejected" in tables:
            rows = naming_gone(self._table("rejected"), moves, self._table("objects"))
            self._amend("rejected", rows, "t.survivor_object = s.survivor_object", _NAMES_NONE)
        return removed

    def _going(
        self, tables: "Mapping[str, DataFrame]", ids: "DataFrame", moves: "DataFrame", erased: "DataFrame"
    ) -> "dict[str, DataFrame]":
        """Table → what of it changes, in the order in which to do so: bronze, which names the subject, last.

        Rows to go, or as `amended` gives them.
        """
        there = {name: self._table(name) for name in tables}
        by_place: dict[str, DataFrame] = {
            name: amended(there[name], moves, erased) for name in _PLACED if name in there
        }
        going: dict[str, DataFrame] = {
            name: of_samples(there[name], ids) for name in _SAMPLED if name in there
        }
        kept = [name for name in ("silver", "rejected") if name in there]
        theirs = only_theirs(ids, [there[name] for name in kept], [by_place[name] for name in kept])
        going |= {name: of_samples(there[name], theirs) for name in _REMEMBERING if name in there}
        if "silver" in there:
            by_place["silver"] = amended(there["silver"], moves, erased, ids)
        unread = erased.join(self._erased(moves), ["object", "etag", "line"], "left_anti")
        by_place["quarantine"] = amended(there["quarantine"], moves, unread)
        return going | by_place

    def _records(
        self, tables: "Mapping[str, DataFrame]", places: Iterable[Place]
    ) -> "tuple[DataFrame, DataFrame]":
        """The subject's records in bronze, and in quarantine."""
        at = places_of(self._spark, places)
        records = records_of(tables["bronze"], self._subjects, at)
        unread = unread_of(tables["quarantine"], self._subjects, at)
        return records.localCheckpoint(), unread.localCheckpoint()

    def _erased(self, moves: "DataFrame") -> "DataFrame":
        return erased_places(self._table("quarantine"), moves)

    def _ever_silver(self) -> "DataFrame | None":
        """Rows of silver in any state that it has files of, be it that nothing was published from it."""
        uris = self._files("silver").uris()
        return ever_in(self._spark, uris, self._subjects.column) if uris else None

    def _is_there(self, state: TableVersion) -> bool:
        """Whether silver can be read as it was."""
        try:
            self._log.demand("silver", state)
        except LakemintError:
            return False
        return self._files("silver").of_version(state.version) is not None

    def _files(self, table: str) -> TableFiles:
        return TableFiles(self._spark, self._store, self._lake, table, self._dataset)

    def _tables(self) -> "dict[str, DataFrame]":
        """Those that are there, as they are now."""
        there = [name for name in TABLES if self._log.last(name) is not None]
        if missing := [name for name in _RAW if name not in there and there]:
            raise LakemintError(
                f"{missing[0]}/{self._dataset} is missing: an ingest was cut off; "
                f"`lakemint run {self._dataset}` completes it"
            )
        return {name: self._table(name) for name in there}

    def _table(self, name: str) -> "DataFrame":
        return read_table(self._spark, self._lake.table(name, self._dataset), self._log.need(name).version)

    def _amend(self, name: str, rows: "DataFrame", on: str, action: str) -> dict[str, int]:
        """Change a table by the rows, under the note of its last commit; without rows there is no commit."""
        rows = rows.localCheckpoint()
        if rows.isEmpty():
            return {"updated": 0, "deleted": 0, "inserted": 0}
        return amend(rows, self._lake.table(name, self._dataset), on, action, self._log.need(name).note)
