"""Tables that are read, and shards that are written, by Spark's workers: of any kind and size."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.publish.increment import Place, counted, written_anew
from lakemint.publish.manifest import Basis
from lakemint.publish.shards import ShardWriter, shard_columns, written
from lakemint.publish.source import Columns, Grown
from lakemint.publish.transforms import (
    at_places,
    bucketed,
    changes,
    contents,
    count_records,
    ledger,
    shards,
    told,
)
from lakemint.published.content import NOTHING, total
from lakemint.published.records import FileRecord, Manifest
from lakemint.spark import read_changes, read_table, spark_session
from lakemint.store import StoreAddress

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@contextmanager
def spark_source(config: Config, basis: Basis, buckets: int) -> Iterator["SparkSource"]:
    """The tables of a basis, while it is entered."""
    with spark_session(config) as spark:
        yield SparkSource(spark, config, basis, buckets)


class SparkSource:
    """See `publish.source.Source`."""

    def __init__(self, spark: "SparkSession", config: Config, basis: Basis, buckets: int) -> None:
        self._spark, self._basis, self._buckets = spark, basis, buckets
        self._uris = {name: Lake(config.need("lake")).table(name, basis.dataset) for name in basis.inputs}
        self._tables = {
            name: read_table(spark, self._uris[name], at.version) for name, at in basis.inputs.items()
        }
        self._gold = bucketed(self._tables["gold"], buckets)
        self.columns: Columns = shard_columns(self._tables["gold"].dtypes)
        self._writer = ShardWriter(basis.dataset, StoreAddress.of(config), self.columns)

    def counts(self, unlabeled: int | None) -> list[tuple[str, int]]:
        counted = [(row["name"], row["rows"]) for row in count_records(self._tables).collect()]
        return [*counted, *([("unlabeled", unlabeled)] if unlabeled is not None else [])]

    def write(self) -> list[dict[str, Any]]:
        return _write(self._gold, self._writer)

    def grow(self, base: Manifest) -> Grown:
        after, until = base.inputs["gold"].version, self._basis.inputs["gold"].version
        feed = read_changes(self._spark, self._uris["gold"], after, until)
        changed = changes(feed).localCheckpoint()
        rows = told(changed, self._buckets).localCheckpoint()
        found = counted(row.asDict() for row in ledger(rows).collect())
        anew = written_anew(base, found)
        over = found.entries.keys() - anew
        overlays = _write(at_places(rows, over), self._writer.of_overlays()) if over else []
        files = {
            _place(row): FileRecord(**{name: row[name] for name in FileRecord.model_fields})
            for row in overlays
        }
        whole = _write(at_places(self._gold, anew), self._writer) if anew else []
        grown: dict[str, str] = {}
        for row in contents(changed, self._writer).collect():
            grown[row["split"]] = total([grown.get(row["split"], NOTHING), row["content"]])
        return Grown(found, grown, {_place(row): row for row in whole}, files)


def _write(rows: "DataFrame", writer: ShardWriter) -> list[dict[str, Any]]:
    """Write the shards of these rows, on the workers; what they said of each."""
    return written(row.asDict() for row in shards(rows, writer).collect())


def _place(row: Mapping[str, Any]) -> Place:
    return row["split"], row["bucket"]
