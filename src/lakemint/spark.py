"""The Spark edge: a session, and the few ways tables are read and written.

Every commit carries `userMetadata`: the digests and table versions it was made from, so that a stage
can tell that nothing changed, and an auditor what a table version was made of.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from lakemint.config import Config

COMMIT_NOTE = "spark.databricks.delta.commitInfo.userMetadata"


@contextmanager
def spark_session(config: Config) -> Iterator[SparkSession]:
    """A session on the configured Spark Connect server; under spark-submit, the application's own."""
    builder = SparkSession.builder
    if config.spark_remote:
        token = f"/;token={config.spark_token}" if config.spark_token else ""
        builder = builder.remote(config.spark_remote + token)
    spark = builder.create() if config.spark_remote else builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def table_exists(spark: SparkSession, uri: str) -> bool:
    return table_version(spark, uri) is not None


def table_version(spark: SparkSession, uri: str) -> int | None:
    """The Delta table's newest version; None when there is no table."""
    last = last_commit(spark, uri)
    return None if last is None else last[0]


def last_commit(spark: SparkSession, uri: str) -> tuple[int, dict[str, Any]] | None:
    """Newest version and the note it was committed with ({} without one); None when there is no table."""
    try:
        row = spark.sql(f"DESCRIBE HISTORY delta.`{uri}` LIMIT 1").select("version", "userMetadata").first()
    except AnalysisException as error:
        if "DELTA_MISSING_DELTA_TABLE" in str(error) or "PATH_NOT_FOUND" in str(error) or "DELTA_TABLE_NOT_FOUND" in str(error):
            return None
        raise
    return None if row is None else (row["version"], json.loads(row["userMetadata"] or "{}"))


def read_table(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
    """A Delta table, at a version when named."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(uri)


def replace_table(frame: DataFrame, uri: str, note: Mapping[str, Any]) -> None:
    """Overwrite the whole table in one commit, schema included."""
    writer = frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.option("userMetadata", json.dumps(note, sort_keys=True)).save(uri)


def insert_new(frame: DataFrame, uri: str, key: Sequence[str], only: str, note: Mapping[str, Any]) -> None:
    """Append the rows whose key is not there yet (MERGE, insert only), adding new columns.

    `only`: a condition on the target `t` that bounds what must be searched, or "true".
    """
    spark = frame.sparkSession
    if not table_exists(spark, uri):
        frame.limit(0).write.format("delta").mode("append").save(uri)
    view = "incoming"
    frame.createOrReplaceTempView(view)
    spark.conf.set(COMMIT_NOTE, json.dumps(note, sort_keys=True))
    match = " AND ".join(f"t.`{name}` = s.`{name}`" for name in key)
    spark.sql(
        f"MERGE WITH SCHEMA EVOLUTION INTO delta.`{uri}` t USING {view} s ON ({only}) AND {match} "
        "WHEN NOT MATCHED THEN INSERT *"
    ).collect()
    spark.conf.unset(COMMIT_NOTE)
