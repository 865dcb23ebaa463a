"""Gold, and what changed in it, to shards, as pure functions of DataFrames."""

from collections.abc import Iterable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakemint.names import LABEL, SAMPLE_ID, SPLIT
from lakemint.publish.shards import BEFORE, BUCKET, KEPT, WRITTEN, ShardWriter
from lakemint.published.shards import GONE
from lakemint.spark import hash32

_SYSTEM = ("_change_type", "_commit_version", "_commit_timestamp")


def bucket_of(sample_id: Column, buckets: int) -> Column:
    """0 … buckets-1, by a hash of the id alone: a row stays in its shard as the data grow."""
    return (hash32("bucket", sample_id) % buckets).cast("int")


def bucketed(gold: DataFrame, buckets: int) -> DataFrame:
    """Gold with `BUCKET`."""
    return gold.withColumn(BUCKET, bucket_of(F.col(SAMPLE_ID), buckets))


def placed(rows: DataFrame) -> DataFrame:
    """The rows of each (split, bucket) in one partition, one after the other."""
    return rows.repartition(SPLIT, BUCKET).sortWithinPartitions(SPLIT, BUCKET, SAMPLE_ID)


def shards(rows: DataFrame, writer: ShardWriter) -> DataFrame:
    """Writes the shards where the rows are; what was written: split, bucket, sha256, bytes, rows, labels."""
    return placed(rows).mapInArrow(writer, WRITTEN)


def at_places(rows: DataFrame, places: Iterable[tuple[str, int]]) -> DataFrame:
    """The rows of some (split, bucket) only."""
    names = sorted(f"{split}/{bucket}" for split, bucket in places)
    return rows.where(F.concat_ws("/", SPLIT, F.col(f"`{BUCKET}`").cast("string")).isin(names))


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


def changes(feed: DataFrame) -> DataFrame:
    """(was, now): the rows of a change feed that differ in the end, however often they changed on the way.

    Each is a struct of gold's columns, null where the sample was not, or is not, there.
    https://docs.delta.io/latest/delta-change-data-feed.html
    """
    names = [name for name in feed.columns if name not in _SYSTEM]
    is_after = F.col("_change_type").isin("insert", "update_postimage")
    order = F.col("_commit_version") * 2 + is_after.cast("int")
    state = F.struct(is_after.alias("is_after"), F.struct(*names).alias("row"))
    ends = feed.groupBy(SAMPLE_ID).agg(
        F.min_by(state, order).alias("first"), F.max_by(state, order).alias("last")
    )
    was = F.when(~F.col("first.is_after"), F.col("first.row")).alias("was")
    now = F.when(F.col("last.is_after"), F.col("last.row")).alias("now")
    return ends.select(was, now).where(~F.col("was").eqNullSafe(F.col("now")))


def told(changed: DataFrame, buckets: int) -> DataFrame:
    """What each shard must be told of changes: split, bucket, gold's columns, `GONE`, `KEPT` and `BEFORE`.

    A sample that moved to another split makes two rows: it is gone from one shard, and came to another.
    """
    names = changed.select("now.*").columns
    stays = F.coalesce(F.col(f"was.{SPLIT}") == F.col(f"now.{SPLIT}"), F.lit(False))
    both = F.array(
        F.when(F.col("was").isNotNull() & ~stays, _gone(changed, names)),
        F.when(F.col("now").isNotNull(), _came(names, stays)),
    )
    rows = changed.select(F.explode(both).alias("told")).where("told IS NOT NULL").select("told.*")
    return rows.withColumn(BUCKET, bucket_of(F.col(SAMPLE_ID), buckets))


def contents(changed: DataFrame, writer: ShardWriter) -> DataFrame:
    """What the content of each split's rows grows by, in parts: split, content."""
    return changed.mapInArrow(writer.grown, "split string, content string")


def ledger(rows: DataFrame) -> DataFrame:
    """What is told, counted: split, bucket, label, before, gone, kept, rows."""
    return rows.groupBy(
        SPLIT,
        F.col(BUCKET).alias("bucket"),
        F.col(LABEL).alias("label"),
        F.col(BEFORE).alias("before"),
        F.col(GONE).alias("gone"),
        F.col(KEPT).alias("kept"),
    ).agg(F.count("*").alias("rows"))


def _gone(changed: DataFrame, names: list[str]) -> Column:
    """Only the id and where it was: the rest shall not be kept."""
    kept, schema = (SAMPLE_ID, SPLIT), changed.select("was.*").schema
    values = [
        F.col(f"was.{name}").alias(name)
        if name in kept
        else F.lit(None).cast(schema[name].dataType).alias(name)
        for name in names
    ]
    before = F.col(f"was.{LABEL}").alias(BEFORE)
    return F.struct(*values, F.lit(True).alias(GONE), F.lit(False).alias(KEPT), before)


def _came(names: list[str], stays: Column) -> Column:
    values = [F.col(f"now.{name}").alias(name) for name in names]
    before = F.when(stays, F.col(f"was.{LABEL}")).alias(BEFORE)
    return F.struct(*values, F.lit(False).alias(GONE), stays.alias(KEPT), before)
