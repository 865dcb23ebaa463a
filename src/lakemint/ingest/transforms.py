"""Ingest as DataFrames: raw objects in; bronze, quarantine and their registry out."""

from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakemint.dataset.recipe import Recipe
from lakemint.errors import ConservationError, RecipeError, StoreUnavailable
from lakemint.ingest.plan import Plan, RawObject, Registry, partitions
from lakemint.ingest.worker import ObjectReader

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


def read_registry(objects: DataFrame | None) -> Registry:
    """What the `objects` table says was ingested; nothing when there is none."""
    if objects is None:
        return Registry({})
    return Registry.of(objects.select("object", "etag", "source", "source_digest", "batch").toArrow())


def check_columns(bronze: DataFrame | None, recipe: Recipe) -> None:
    """Raises RecipeError when a column has another type in bronze than the recipe now gives it."""
    there = {name.lower(): kind for name, kind in bronze.dtypes} if bronze is not None else {}
    for name, kind in recipe.columns.items():
        if there.get(name.lower(), kind) != kind:
            raise RecipeError(
                f"the column {name!r} is {there[name.lower()]} in bronze/{recipe.dataset}, but {kind} in "
                f"schemas/{recipe.dataset}/recipe.yaml: give it another name there"
            )


def parse_objects(spark: SparkSession, objects: list[RawObject], reader: ObjectReader) -> DataFrame:
    """Read and parse each object once, now; the rows stay in the executors (see `worker` for their kinds).

    A checkpoint and not a cache: a lost executor then fails the run, instead of silently reading again what
    may have changed since.
    """
    listing = spark.createDataFrame(objects, "object string, etag string, source string, size long")
    rows = listing.repartition(partitions(objects)).mapInArrow(reader.run, _spark_schema(reader))
    return rows.localCheckpoint(eager=True)


def _spark_schema(reader: ObjectReader) -> "StructType":
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(reader.schema())


def check_batch(rows: DataFrame, todo: Plan) -> dict[str, int]:
    """How many objects were read, and the records and quarantined records they gave.

    Raises StoreUnavailable when the store failed to deliver an object, or one that takes the place of its old
    rows changed after it was listed; ConservationError when rows are missing that the workers counted.
    """
    kinds = {row["kind"]: row for row in rows.groupBy("kind").agg(*_tallies()).collect()}
    if failed := kinds.get("failed"):
        raise StoreUnavailable(
            f"{failed['rows']} raw objects could not be read, so nothing was ingested: {failed['reason']}"
        )
    read = kinds.get("object")
    missing = len(todo.objects) - (read["rows"] if read else 0)
    if missing and todo.again:
        raise StoreUnavailable(f"{missing} raw objects changed while they were read anew; run this again")
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


def objects_of(rows: DataFrame, batch: int, recipe: Recipe) -> DataFrame:
    """The raw objects that were read whole, how they were read, and how many records each gave."""
    readings = F.create_map(
        *(F.lit(part) for name, source in recipe.sources.items() for part in (name, source.digest))
    )
    return rows.where(F.col("kind") == "object").select(
        "object",
        "etag",
        "size",
        "source",
        F.element_at(readings, F.col("source")).alias("source_digest"),
        F.lit(batch).cast("long").alias("batch"),
        "records",
        "quarantined",
    )
