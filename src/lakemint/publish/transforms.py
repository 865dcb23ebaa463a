"""Gold to shards, as pure functions of DataFrames."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakemint.errors import LakemintError
from lakemint.names import SAMPLE_ID, SPLIT
from lakemint.publish.shards import BUCKET, WRITTEN, ShardWriter
from lakemint.published.columns import ARROW_OF_SPARK
from lakemint.spark import hash32


def bucket_of(sample_id: Column, buckets: int) -> Column:
    """0 … buckets-1, by a hash of the id alone: a row stays in its shard as the data grow."""
    return (hash32("bucket", sample_id) % buckets).cast("int")


def placed(gold: DataFrame, buckets: int) -> DataFrame:
    """Gold with `bucket`; the rows of each (split, bucket) in one partition, one after the other."""
    rows = gold.withColumn(BUCKET, bucket_of(F.col(SAMPLE_ID), buckets))
    return rows.repartition(SPLIT, BUCKET).sortWithinPartitions(SPLIT, BUCKET, SAMPLE_ID)


def shards(gold: DataFrame, buckets: int, writer: ShardWriter) -> DataFrame:
    """Writes the shards where the rows are; what was written: split, bucket, sha256, bytes, rows, labels."""
    return placed(gold, buckets).mapInArrow(writer, WRITTEN)


def columns_of(gold: DataFrame) -> tuple[tuple[str, str], ...]:
    """(name, Arrow type) of what a shard holds: all of gold but `split`, which the shard's place says.

    Raises LakemintError for a type that cannot be published.
    """
    for name, kind in gold.dtypes:
        if kind not in ARROW_OF_SPARK:
            raise LakemintError(
                f"gold.{name}: the type {kind} cannot be published; there are {', '.join(ARROW_OF_SPARK)}"
            )
    return tuple((name, ARROW_OF_SPARK[kind]) for name, kind in gold.dtypes if name != SPLIT)


def count_records(tables: Mapping[str, DataFrame]) -> DataFrame:
    """Where the raw records went, as rows of (name, rows): raw, quarantined, rejected, unlabeled, published.

    Counted in the tables themselves, in one query; a table that is missing holds none.
    """
    examples = tables["gold"].select(SAMPLE_ID)
    raw = F.coalesce(F.sum(F.col("records") + F.col("quarantined")), F.lit(0))
    frames = {
        "quarantined": tables.get("quarantine"),
        "rejected": tables.get("rejected"),
        "unlabeled": tables["silver"].join(examples, on=SAMPLE_ID, how="left_anti"),
        "published": examples,
    }
    counted = [
        frame.agg(F.lit(name).alias("name"), F.count("*").alias("rows"))
        for name, frame in frames.items()
        if frame is not None
    ]
    return reduce(
        DataFrame.unionAll, counted, tables["objects"].agg(F.lit("raw").alias("name"), raw.alias("rows"))
    )
