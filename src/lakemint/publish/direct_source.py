"""Tables that this process reads, and whose shards it writes, by itself: no Spark is needed."""

from collections.abc import Iterable
from typing import Any, Final

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.publish.conservation import TABLES, count_records
from lakemint.publish.gold_shards import GoldShards
from lakemint.publish.growth import Growth
from lakemint.publish.manifest import Basis
from lakemint.publish.parquet_rows import RowReader, schema_of_table
from lakemint.publish.plain import NotPlain
from lakemint.publish.shards import ShardWriter, shard_columns
from lakemint.publish.source import Columns, Grown
from lakemint.publish.table_files import TableFiles
from lakemint.published.columns import SPARK_OF_DELTA
from lakemint.published.records import Manifest
from lakemint.store import StoreAddress, open_store

LARGEST: Final = 64 * 1024**3
"""Bytes of gold's files, at most: for more, Spark's many machines are faster than this one and its disk."""


class DirectSource:
    """See `publish.source.Source`; raises NotPlain, IntegrityError, LakemintError and StoreError."""

    def __init__(self, config: Config, basis: Basis, buckets: int) -> None:
        self._basis, self._store = basis, open_store(config)
        lake = Lake(config.need("lake"))
        self._files = {name: TableFiles(self._store, lake, basis.dataset, name) for name in TABLES}
        self._tables = {
            name: self._files[name].state(basis.inputs[name].version)
            for name in TABLES
            if name in basis.inputs
        }
        gold = self._tables["gold"]
        if gold.size > LARGEST:
            raise NotPlain(f"gold has {gold.size:,} bytes, more than {LARGEST:,}")
        reader = RowReader(self._store, schema_of_table(gold.columns), gold.partitioned)
        kinds = ((name, SPARK_OF_DELTA.get(kind, kind)) for name, kind in gold.columns.items())
        self.columns: Columns = shard_columns(kinds)
        writer = ShardWriter(basis.dataset, StoreAddress.of(config), self.columns)
        self._gold = GoldShards(reader, gold.files, writer, buckets)

    def counts(self, unlabeled: int | None) -> Iterable[tuple[str, int]]:
        return count_records(self._store, self._tables, unlabeled)

    def write(self) -> list[dict[str, Any]]:
        return self._gold.write()

    def grow(self, base: Manifest) -> Grown:
        after, until = base.inputs["gold"].version, self._basis.inputs["gold"].version
        feed = self._files["gold"].changes(after, self._tables["gold"], until)
        return Growth(self._gold, base).grown(feed)
