"""What of the tables is a data subject's, as DataFrames.

A place is (object, etag, line): where a raw record stands. A move says what became of a raw object that an
erasure rewrote or deleted, as (object, etag, now): the etag of its bytes before, and its etag now, null where
it is gone. The subject goes to the workers inside functions, and never into a plan, which Spark would log.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from lakemint.names import LEAKED, SAMPLE_ID
from lakemint.sightings import CHANCE, sightings
from lakemint.spark import read_files
from lakemint.subjects import Subjects

ERASED: Final = "erased"
"""The reason of a record that an erasure left nothing of but its place."""
_PLACE: Final = ("object", "etag", "line")
_ORIGIN: Final = ("batch", "source")


def places_of(spark: SparkSession, places: Iterable[tuple[str, str, int]]) -> DataFrame:
    """(object, etag, line), each once."""
    return spark.createDataFrame(list(set(places)), "object string, etag string, line long")


def rewritten_of(spark: SparkSession, moves: Iterable[tuple[str, str, str | None]]) -> DataFrame:
    """(object, etag, now) of what an erasure did to raw objects."""
    return spark.createDataFrame(list(set(moves)), "object string, etag string, now string")


def samples_of(spark: SparkSession, samples: Iterable[str]) -> DataFrame:
    """A column of sample_ids."""
    return spark.createDataFrame([(sample,) for sample in sorted(samples)], f"{SAMPLE_ID} string")


def ever_in(spark: SparkSession, uris: Sequence[str], column: str) -> DataFrame:
    """Of a table's Parquet files, whatever states they are of: sample_id, place, and the subject's column."""
    columns = [f"{SAMPLE_ID} string", "object string", "etag string", "line long", f"`{column}` string"]
    return read_files(spark, uris, ", ".join(columns))


def naming(rows: DataFrame, subjects: Subjects) -> Column:
    """Whether a row names the subject; false where the table has no such column, however it spells it."""
    there = {name.lower(): name for name in rows.columns}
    if subjects.column.lower() not in there:
        return F.lit(False)

    @arrow_udf("boolean")  # type: ignore[call-overload, untyped-decorator]
    def is_named(texts: pa.Array) -> pa.Array:
        return pa.array([subjects.is_named(text) for text in texts.to_pylist()], pa.bool_())

    found: Column = is_named(F.col(there[subjects.column.lower()]).cast("string"))
    return found


def _showing(head: Column, line: Column, subjects: Subjects) -> Column:
    """Whether the first bytes of what could not be read name the subject, however it is written."""

    @arrow_udf("boolean")  # type: ignore[call-overload, untyped-decorator]
    def is_shown(heads: pa.Array, lines: pa.Array) -> pa.Array:
        of_line, of_object = sightings(subjects), sightings(subjects, CHANCE)
        found = (
            (of_line if line else of_object).are_in(b"\n" + (head or b"") + b"\n")
            for head, line in zip(heads.to_pylist(), lines.to_pylist(), strict=True)
        )
        return pa.array(found, pa.bool_())

    found: Column = is_shown(head, line)
    return found


def records_of(bronze: DataFrame, subjects: Subjects, places: DataFrame) -> DataFrame:
    """(object, etag, line, batch, source) of the records that name the subject, or stand at the places."""
    return _picked(bronze, naming(bronze, subjects), places).select(*_PLACE, *_ORIGIN)


def unread_of(quarantine: DataFrame, subjects: Subjects, places: DataFrame) -> DataFrame:
    """The same of what could not be read, and was not erased yet."""
    rows = quarantine.where(F.col("reason") != ERASED)
    return _picked(rows, _showing(F.col("head"), F.col("line"), subjects), places).select(*_PLACE, *_ORIGIN)


def keys_of(bronze: DataFrame, records: DataFrame, key: str) -> list[tuple[str, str]]:
    """(source, value of the column `key`) of the records, each once; none where bronze has no such column."""
    if key not in bronze.columns:
        return []
    theirs = bronze.join(records.select(*_PLACE), [*_PLACE], "left_semi").where(F.col(key).isNotNull())
    found = theirs.select("source", F.col(key).cast("string")).distinct()
    return [(row[0], row[1]) for row in found.collect()]


def samples_at(silver: DataFrame, subjects: Subjects, places: DataFrame) -> DataFrame:
    """The sample_ids of the rows that name the subject, or come from the places."""
    found = naming(silver, subjects)
    is_placed = set(_PLACE) <= set(silver.columns)  # gold's are not
    rows = _picked(silver, found, places) if is_placed else silver.where(found)
    return rows.select(SAMPLE_ID).distinct()


def leaked_at(rejected: DataFrame, places: DataFrame) -> DataFrame:
    """The sample_ids of rejected rows at the places which `clusters` still knows.

    Only of those that left as near-duplicates: a sample_id beside another reason may be someone else's.
    """
    rows = rejected.where(F.col("reason") == LEAKED)
    return rows.join(places, [*_PLACE], "left_semi").select(SAMPLE_ID).distinct()


def _picked(rows: DataFrame, found: Column, places: DataFrame) -> DataFrame:
    marked = rows.join(places.select(*_PLACE).distinct().withColumn("_is_at", F.lit(True)), [*_PLACE], "left")
    return marked.where(found | F.coalesce("_is_at", F.lit(False))).drop("_is_at")


def moves_of(rewritten: DataFrame, objects: DataFrame, records: DataFrame) -> DataFrame:
    """What became of each object: `rewritten` are (object, etag, now).

    Gone are also those whose bytes of now were ingested already, which then stand for them, and those that
    are a record of the subject as a whole, since their names may tell.
    """
    there = objects.select("object", F.col("etag").alias("now"), F.lit(True).alias("_is_there"))
    known = rewritten.join(there.distinct(), ["object", "now"], "left").select(
        "object", "etag", F.when(F.col("_is_there").isNull(), F.col("now")).alias("now")
    )
    whole = records.where("line = 0").select("object", "etag", F.lit(None).cast("string").alias("now"))
    both = known.unionByName(whole).groupBy("object", "etag")
    return both.agg(F.when(F.count("now") == F.count("*"), F.max("now")).alias("now"))


def gone_from(rows: DataFrame, moves: DataFrame) -> DataFrame:
    """(object, etag) of `rows` whose object is gone."""
    gone = moves.where("now IS NULL")
    return rows.join(gone, ["object", "etag"], "left_semi").select("object", "etag").distinct()


def erasures(records: DataFrame, moves: DataFrame) -> DataFrame:
    """What records leave: (object, etag, line, batch, source, now, reason); those of gone objects nothing."""
    left = _moved(records, moves).where("NOT _is_gone").select(*_PLACE, *_ORIGIN, "now").distinct()
    return left.withColumn("reason", F.lit(ERASED))


def erased_places(quarantine: DataFrame, moves: DataFrame) -> DataFrame:
    """Where records were erased, by the etags of now."""
    rows = quarantine.where(F.col("reason") == ERASED)
    return _moved(rows, moves).select("object", F.col("now").alias("etag"), "line").distinct()


def amended(
    rows: DataFrame, moves: DataFrame, erased: DataFrame, samples: DataFrame | None = None
) -> DataFrame:
    """(object, etag, line, now, gone) of those rows that go, or whose etag is another now.

    Gone are rows of gone objects, those at `erased` places (by their etags of now), and those of the samples.
    """
    place = erased.select("object", F.col("etag").alias("now"), "line").distinct()
    at = place.withColumn("_is_erased", F.lit(True))
    marked = _moved(rows, moves).join(at, ["object", "now", "line"], "left")
    gone = F.col("_is_gone") | F.coalesce("_is_erased", F.lit(False))
    if samples is not None:
        marked = marked.join(samples.withColumn("_is_theirs", F.lit(True)), SAMPLE_ID, "left")
        gone = gone | F.coalesce("_is_theirs", F.lit(False))
    found = marked.select(*_PLACE, "now", gone.alias("gone"))
    return found.where("gone OR now != etag").distinct()


def _moved(rows: DataFrame, moves: DataFrame) -> DataFrame:
    """The rows with `now`, the etag of their bytes now, and `_is_gone`."""
    known = moves.select("object", "etag", F.col("now").alias("_now"), F.lit(True).alias("_is_moved"))
    joined = rows.join(known, ["object", "etag"], "left")
    is_gone = F.col("_is_moved").isNotNull() & F.col("_now").isNull()
    marks = {"now": F.coalesce("_now", "etag"), "_is_gone": is_gone}
    return joined.withColumns(marks).drop("_now", "_is_moved")


def recounted(
    objects: DataFrame, moves: DataFrame, erased: DataFrame, bronze: DataFrame, quarantine: DataFrame
) -> DataFrame:
    """(object, etag, now, records, quarantined) of the objects whose row is another now.

    Counted in `bronze` and `quarantine` as they are by now, and only for objects that an erasure touched.
    """
    changed = erased.select("object", F.col("etag").alias("now")).distinct()
    moved = moves.select("object", "now").where("now IS NOT NULL")
    touched = _moved(objects, moves).where("NOT _is_gone")
    touched = touched.join(changed.unionByName(moved).distinct(), ["object", "now"], "left_semi")
    for rows, name in ((bronze, "records"), (quarantine, "quarantined")):
        place = rows.select("object", F.col("etag").alias("now"))
        counts = place.groupBy("object", "now").agg(F.count("*").alias(f"_{name}"))
        touched = touched.join(counts, ["object", "now"], "left")
    found = {name: F.coalesce(F.col(f"_{name}"), F.lit(0)) for name in ("records", "quarantined")}
    differs = [F.col("now") != F.col("etag"), *(F.col(name) != value for name, value in found.items())]
    rows = touched.where(reduce(Column.__or__, differs))
    return rows.select("object", "etag", "now", *(value.alias(name) for name, value in found.items()))


def naming_gone(rejected: DataFrame, moves: DataFrame, objects: DataFrame) -> DataFrame:
    """The names of objects that are gone, under any etag, which rejected rows give as their survivor's."""
    gone = moves.where("now IS NULL").join(objects, "object", "left_anti")
    named = gone.select(F.col("object").alias("survivor_object"))
    return rejected.join(named, "survivor_object", "left_semi").select("survivor_object").distinct()


def of_samples(rows: DataFrame, samples: DataFrame) -> DataFrame:
    """The rows of the samples."""
    return rows.join(samples, SAMPLE_ID, "left_semi")


def only_theirs(samples: DataFrame, given: Sequence[DataFrame], amendments: Sequence[DataFrame]) -> DataFrame:
    """The samples that nobody else gave as well.

    `given` are rows with sample_id and place; `amendments` tell which of them go, whatever their sample.
    """
    others = [
        rows.join(gone.where("gone"), [*_PLACE], "left_anti").select(SAMPLE_ID)
        for rows, gone in zip(given, amendments, strict=True)
    ]
    return samples.join(reduce(DataFrame.unionByName, others), SAMPLE_ID, "left_anti") if others else samples
