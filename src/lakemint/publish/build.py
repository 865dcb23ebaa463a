"""From the states of tables to shards in the store and the manifest that binds them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.publish.manifest import Basis, conserved, manifest_of, split_records
from lakemint.publish.shards import ShardWriter, written
from lakemint.publish.transforms import columns_of, count_records, shards
from lakemint.published.records import Manifest
from lakemint.spark import read_table
from lakemint.store import StoreAddress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def build(  # noqa: PLR0913
    spark: "SparkSession",
    config: Config,
    basis: Basis,
    *,
    labels: Mapping[str, Any],
    splits: Iterable[str],
    buckets: int,
) -> Manifest:
    """Write the shards, and return the manifest; the same arguments always make the same.

    `labels` is the summary in the note of the labels' commit. Raises ConservationError, LakemintError for a
    type that cannot be published, and StoreError.
    """
    lake, dataset = Lake(config.need("lake")), basis.dataset
    uris = {name: lake.table(name, dataset) for name in basis.inputs}
    tables = {name: read_table(spark, uris[name], at.version) for name, at in basis.inputs.items()}
    columns = columns_of(tables["gold"])
    counts = conserved(dataset, ((row["name"], row["rows"]) for row in count_records(tables).collect()))
    writer = ShardWriter(dataset, StoreAddress.of(config), columns)
    said = shards(tables["gold"], buckets, writer).collect()
    records = split_records(splits, written(row.asDict() for row in said))
    return manifest_of(basis, columns, labels, counts, records)
