"""Versions of a small dataset whose tables tell where each sample came from, and who answered it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lakemint.config import Config
from lakemint.digest import digest_of
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.publish.arrow_changes import buckets_of
from lakemint.publish.keep import keep_document
from lakemint.published.version_record import VersionRecord
from lakemint.store import Store, open_store
from tests.unit.delta_table import Action, DeltaTable
from tests.unit.small_version import COLUMNS, DATASET, Row, publish, row

BUCKETS = 3
SOURCED = (*COLUMNS, ("source", "string"))
RECIPE: dict[str, Any] = {"sources": {"mail": {}, "chat": {}, "quiet": {}}}


def note(index: int, split: str = "train", **values: Any) -> Row:
    """A row where its id says, from `mail` or, each third, `chat`, and one of two raw objects of each."""
    made = row(index, split)
    source = "chat" if index % 3 == 0 else "mail"
    (bucket,) = buckets_of(pa.array([made["sample_id"]]), BUCKETS).tolist()
    own = {"source": source, "object": f"raw/{DATASET}/{source}/{index % 2}.tsv"}
    return {**made, "bucket": bucket, **own, **values}


@dataclass
class Traced:
    """The dataset, and its tables as the stages would leave them."""

    config: Config
    _tables: dict[str, tuple[DeltaTable, Action]] = field(default_factory=dict)
    """Each with what named its file."""

    @property
    def store(self) -> Store:
        return open_store(self.config)

    @property
    def lake(self) -> Lake:
        return Lake(self.config.lake)

    def publish(
        self, rows: Sequence[Row], answers: Iterable[tuple[str, Row]] = (), *, sourced: bool = False
    ) -> VersionRecord:
        """A version of these rows, once silver and annotations (annotator, row) are as told."""
        silver = {name: [one[name] for one in rows] for name in ("sample_id", "source", "object")}
        given = [*answers]
        ids = pa.array([one["sample_id"] for _, one in given], pa.string())
        events = {"sample_id": ids, "annotator": pa.array([who for who, _ in given], pa.string())}
        tables = {"silver": pa.table(silver), "annotations": pa.table(events)}
        inputs = {name: self._write(name, rows) for name, rows in tables.items()}
        keep_document(self.store, self.lake, DATASET, RECIPE)
        inputs["gold"] = TableVersion(0, "txn-0")
        columns = SOURCED if sourced else COLUMNS
        return publish(self.config, rows, columns, inputs=inputs, recipe=digest_of(RECIPE))[0]

    def vacuum(self, name: str) -> None:
        """Only the newest state of the table is left."""
        table, added = self._tables[name]
        for item in [*self.store.list(table.root)]:
            if item.key.endswith(".parquet") and item.key != table.root + added["add"]["path"]:
                self.store.delete(item.key)

    def _write(self, name: str, rows: pa.Table) -> TableVersion:
        if name not in self._tables:
            table = DeltaTable(self.store, self.lake, DATASET, name)
            self._tables[name] = table, table.begin(rows)
        else:
            table, before = self._tables[name]
            added = table.add(rows)
            table.commit(table.remove(before), added)
            self._tables[name] = table, added
        return TableVersion(table.version, f"txn-{table.version}")
