"""From the states of tables to shards in the store and the manifest that binds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.publish.increment import Place, counted, splits_after, written_anew
from lakemint.publish.manifest import Basis, conserved, manifest_of, split_records
from lakemint.publish.shards import ShardWriter, written
from lakemint.publish.transforms import (
    at_places,
    bucketed,
    changes,
    columns_of,
    count_records,
    ledger,
    shards,
)
from lakemint.published.records import FileRecord, Manifest, SplitRecord
from lakemint.spark import read_changes, read_table
from lakemint.store import StoreAddress

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Builder:
    """What building a version needs beside what the version is made of."""

    spark: "SparkSession"
    config: Config
    buckets: int

    def build(
        self, basis: Basis, labels: Mapping[str, Any], splits: Iterable[str], base: Manifest | None
    ) -> Manifest:
        """Write the shards, and return the manifest; the same arguments always make the same.

        `labels` is the summary in the note of the labels' commit. With a `base` only what changed since is
        written, and nothing of its shards is read. Raises ConservationError, LakemintError for a type that
        cannot be published, and StoreError.
        """
        lake, dataset = Lake(self.config.need("lake")), basis.dataset
        uris = {name: lake.table(name, dataset) for name in basis.inputs}
        tables = {name: read_table(self.spark, uris[name], at.version) for name, at in basis.inputs.items()}
        columns = columns_of(tables["gold"])
        counts = conserved(dataset, ((row["name"], row["rows"]) for row in count_records(tables).collect()))
        writer = ShardWriter(dataset, StoreAddress.of(self.config), columns)
        gold = bucketed(tables["gold"], self.buckets)
        if base is not None and [(column.name, column.type) for column in base.columns] != [*columns]:
            base = None
        if base is None:
            records = split_records(splits, _write(gold, writer))
        else:
            span = base.inputs["gold"].version, basis.inputs["gold"].version
            records = self._grown(base, gold, uris["gold"], span, writer)
        return manifest_of(
            basis,
            columns,
            labels,
            counts,
            records,
            buckets=self.buckets,
            base=base.digest if base else None,
        )

    def _grown(
        self, base: Manifest, gold: "DataFrame", uri: str, span: tuple[int, int], writer: ShardWriter
    ) -> dict[str, SplitRecord]:
        """The base's splits with what changed in gold from one version to another."""
        after, until = span
        if after == until:
            return base.splits
        changed = changes(read_changes(self.spark, uri, after, until), self.buckets).localCheckpoint()
        found = counted(row.asDict() for row in ledger(changed).collect())
        anew = written_anew(base, found)
        over = found.entries.keys() - anew
        overlays = _write(at_places(changed, over), writer.of_overlays()) if over else []
        files = {
            _place(row): FileRecord(**{name: row[name] for name in FileRecord.model_fields})
            for row in overlays
        }
        whole = _write(at_places(gold, anew), writer) if anew else []
        return splits_after(base, found, {_place(row): row for row in whole}, files)


def _write(rows: "DataFrame", writer: ShardWriter) -> list[dict[str, Any]]:
    """Write the shards of these rows, on the workers; what they said of each."""
    return written(row.asDict() for row in shards(rows, writer).collect())


def _place(row: Mapping[str, Any]) -> Place:
    return row["split"], row["bucket"]
