"""Ingest as DataFrames: raw objects in; bronze, quarantine and their registry out."""

from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakemint.errors import ConservationError, StoreUnavailable
from lakemint.ingest.plan import RawObject, Registry, partitions
from lakemint.ingest.worker import Reading

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


def read_registry(objects: DataFrame | None) -> Registry:
    """What the `objects` table says was ingested; nothing when there is none."""
    if objects is None:
        return Registry(frozenset(), 0)
    return Registry.of(objects.select("object", "etag", "batch").toArrow())


def parse_objects(spark: SparkSession, objects: list[RawObject], reading: Reading) -> DataFrame:
    """Read and parse each object once, now; the rows stay in the executors (see `worker` for their kinds).

    A checkpoint and not a cache: a lost executor then fails the run, instead of silently reading again what
    may have changed since.
    """
    listing = spark.createDataFrame(objects, "object string, etag string, source string, size long")
    rows = listing.repartition(partitions(objects)).mapInArrow(reading.run, _spark_schema(reading))
    return rows.localCheckpoint(eager=True)


def _spark_schema(reading: Reading) -> "StructType":
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(reading.schema())


def check_batch(rows: DataFrame) -> dict[str, int]:
    """How many objects were read, and the records and quarantined records they gave.

    Raises StoreUnavailable when the store failed to deliver an object, ConservationError when rows are
    missing that the workers counted.
    """
    kinds = {row["kind"]: row for row in rows.groupBy("kind").agg(*_tallies()).collect()}
    if failed := kinds.get("failed"):
        raise StoreUnavailable(
            f"{failed['rows']} raw objects could not be read, so nothing was ingested: {failed['reason']}"
        )
    read = kinds.get("object")
    counted = (read["records"], read["quarantined"]) if read else (0, 0)
    there = tuple(kinds[kind]["rows"] if kind in kinds else 0 for kind in ("record", "problem"))
    if counted != there:
        raise ConservationError(
            f"the workers counted (records, quarantined) {counted}, but {there} came out; "
            "nothing was ingested: run it again"
        )
    return {"objects": read["rows"] if read else 0, "records": counted[0], "quarantined": counted[1]}


def _tallies() -> list[Column]:
    return [
        F.count("*").alias("rows"),
        F.sum("records").alias("records"),
        F.sum("quarantined").alias("quarantined"),
        F.min("reason").alias("reason"),
    ]


def bronze_of(rows: DataFrame, batch: int) -> DataFrame:
    """The records, one row each, with where they came from."""
    return rows.where(F.col("kind") == "record").select(
        "object", "line", "etag", F.lit(batch).cast("long").alias("batch"), "source", "fields.*"
    )


def quarantine_of(rows: DataFrame, batch: int) -> DataFrame:
    """What could not be read: where, why, and its first bytes."""
    return rows.where(F.col("kind") == "problem").select(
        "object", "line", "etag", F.lit(batch).cast("long").alias("batch"), "source", "reason", "head"
    )


def objects_of(rows: DataFrame, batch: int) -> DataFrame:
    """The raw objects that were read whole, and how many records each gave."""
    return rows.where(F.col("kind") == "object").select(
        "object",
        "etag",
        "size",
        "source",
        F.lit(batch).cast("long").alias("batch"),
        "records",
        "quarantined",
    )
