"""Which samples go to people, and what their answers add up to."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from lakemint.names import SAMPLE_ID
from lakemint.spark import stratum_of

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE_ANNOTATOR = "source"
"""The annotator of a label that came with its record."""


def ids(spark: SparkSession, sample_ids: Iterable[str]) -> DataFrame:
    """A column of sample_ids."""
    return spark.createDataFrame([(sample,) for sample in sorted(sample_ids)], f"{SAMPLE_ID} string")


def events(spark: SparkSession, table: "pa.Table") -> DataFrame:
    """Events as they were read, with the columns of `annotations`; there may be none."""
    return spark.createDataFrame(table if table.num_rows else [], from_arrow_schema(table.schema))


def strata(silver: DataFrame, sent: DataFrame, column: str) -> DataFrame:
    """(stratum, samples, sent) of silver; `sent` holds the sample_ids that are tasks already."""
    marked = silver.join(sent.withColumn("_is_sent", F.lit(1)), SAMPLE_ID, how="left")
    return marked.groupBy(stratum_of(F.col(column)).alias("stratum")).agg(
        F.count(F.lit(1)).alias("samples"), F.count("_is_sent").alias("sent")
    )


def choose(
    silver: DataFrame, sent: DataFrame, column: str, quotas: Mapping[str, int], fields: Mapping[str, str]
) -> DataFrame:
    """New samples for people, `quotas` of each stratum: those with the lowest hash, whatever else there is.

    Columns: sample_id, and `fields` (name → column of silver) as strings.
    """
    # Label Studio takes no null.
    shown = [
        F.coalesce(F.col(column).cast("string"), F.lit("")).alias(name) for name, column in fields.items()
    ]
    if not quotas:
        return silver.select(SAMPLE_ID, *shown).limit(0)
    rank = F.row_number().over(Window.partitionBy("_stratum").orderBy("_hash", SAMPLE_ID))
    new = silver.join(sent, SAMPLE_ID, how="left_anti").withColumn("_stratum", stratum_of(F.col(column)))
    hashed = new.withColumn("_hash", F.sha2(F.concat(F.lit("label:"), SAMPLE_ID), 256))
    ranked = hashed.where(F.col("_stratum").isin(*quotas)).withColumn("_rank", rank)
    chosen = ranked.where(F.col("_rank") <= F.element_at(_map(quotas), F.col("_stratum"))).orderBy("_hash")
    return chosen.select(SAMPLE_ID, *shown)


def known_events(silver: DataFrame, column: str) -> DataFrame:
    """An event for each sample whose record says the label: its source is the annotator.

    An empty text says nothing.
    """
    value = F.col(column).cast("string")
    event = F.sha2(F.concat_ws(":", F.lit("known"), SAMPLE_ID, F.base64(value.cast("binary"))), 256)
    return silver.where(F.length(F.trim(value)) > 0).select(
        event.alias("event_id"),
        SAMPLE_ID,
        F.lit(SOURCE_ANNOTATOR).alias("annotator"),
        value.alias("value"),
        F.lit(None).cast("timestamp").alias("answered_at"),
        F.lit(None).cast("string").alias("form"),
        F.lit(None).cast("long").alias("task"),
        F.lit(None).cast("long").alias("annotation"),
    )


def counted_events(annotations: DataFrame, silver: DataFrame, known: str | None) -> DataFrame:
    """The events that labels are made of: people's, or what a `known` column of silver says now."""
    if known is None:
        return annotations.where(F.col("annotator") != SOURCE_ANNOTATOR)
    said = known_events(silver, known).select("event_id")
    return annotations.join(said, "event_id", how="left_semi")


def fresh(incoming: DataFrame, annotations: DataFrame | None) -> DataFrame:
    """The events that are not in `annotations` yet."""
    if annotations is None:
        return incoming
    return incoming.join(annotations.select("event_id"), "event_id", how="left_anti")


def current_answers(annotations: DataFrame, classes: Mapping[str, list[str]]) -> DataFrame:
    """(sample_id, annotator, class): each annotator's newest answer to each sample, as the class it means.

    A skipped sample has no answer, nor has one whose answer the recipe no longer gives a class.
    """
    newest = Window.partitionBy(SAMPLE_ID, "annotator").orderBy(
        F.desc_nulls_last("answered_at"), F.desc("annotation"), F.desc("event_id")
    )
    ranked = annotations.withColumn("age", F.row_number().over(newest)).where(F.col("age") == 1)
    answers = ranked.select(SAMPLE_ID, "annotator", _class_of(classes).alias("class"))
    return answers.where(F.col("class").isNotNull())


def tally(answers: DataFrame) -> DataFrame:
    """One row: samples, answers, annotators."""
    return answers.agg(
        F.count_distinct(SAMPLE_ID).alias("samples"),
        F.count(F.lit(1)).alias("answers"),
        F.count_distinct("annotator").alias("annotators"),
    )


def labeled(labels: DataFrame) -> DataFrame:
    """One row: labels that are decided, and undecided ones."""
    decided = F.count("label")
    return labels.agg(decided.alias("labeled"), (F.count(F.lit(1)) - decided).alias("undecided"))


def majority(answers: DataFrame, method: str) -> DataFrame:
    """Labels by plain majority: a tie leaves the label open (null).

    confidence: share of the commonest class; agreement: share of agreeing pairs, null without a pair.
    """
    votes = answers.groupBy(SAMPLE_ID, "class").agg(F.count(F.lit(1)).alias("votes"))
    most = F.struct(F.col("votes"), F.col("class"))
    counted = votes.groupBy(SAMPLE_ID).agg(
        F.sum("votes").alias("answers"),
        F.max(most).alias("top"),
        F.collect_list("votes").alias("all_votes"),
    )
    winners = F.size(F.filter("all_votes", lambda number: number == F.col("top.votes")))
    agreeing = F.aggregate("all_votes", F.lit(0).cast("long"), lambda total, n: total + n * (n - 1))
    pairs = F.col("answers") * (F.col("answers") - 1)
    return counted.select(
        SAMPLE_ID,
        F.when(winners == 1, F.col("top.class")).alias("label"),
        (F.col("top.votes") / F.col("answers")).alias("confidence"),
        F.when(pairs > 0, agreeing / pairs).alias("agreement"),
        F.col("answers").cast("int").alias("answers"),
        F.lit(method).alias("method"),
    )


def _class_of(classes: Mapping[str, list[str]]) -> Column:
    """The class an answer means; the answer itself where the recipe names no classes."""
    if not classes:
        return F.col("value")
    meant: dict[str, str] = {}
    for name, answers in classes.items():
        for answer in answers:
            meant.setdefault(answer, name)
    return F.element_at(_map(meant), F.col("value"))


def _map(content: Mapping[str, str | int]) -> Column:
    return F.create_map(*(F.lit(part) for pair in content.items() for part in pair))
