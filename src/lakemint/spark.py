"""The Spark edge: a session, and the few ways tables are read and written.

Every commit carries `userMetadata`: the digests and table versions it was made from, so that a stage
can tell that nothing changed, and an auditor what a table version was made of.
"""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from lakemint.config import Config
from lakemint.dataset.recipe import Split
from lakemint.names import TableVersion

COMMIT_NOTE = "spark.databricks.delta.commitInfo.userMetadata"
_SKIP_EMPTY = "spark.databricks.delta.skipRecordingEmptyCommits"
_CHECKPOINTS = "delta.checkpointInterval"
_VECTORS = "delta.feature.deletionVectors"
_INCOMING = "incoming"


@contextmanager
def spark_session(config: Config) -> Iterator[SparkSession]:
    """A session of its own on the configured Spark Connect server; under spark-submit, the application's.

    It is ended on the server too, with its temporary views, checkpoints and settings. A killed job's session
    ends by the server's `spark.connect.session.manager.defaultSessionTimeout`.
    """
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")  # the error says it better
    builder = SparkSession.builder
    if config.spark_remote:
        token = f"/;token={config.spark_token}" if config.spark_token else ""
        spark = builder.remote(config.spark_remote + token).create()
        _retries(spark, 6)
    else:
        spark = builder.getOrCreate()
    try:
        # Dates without a zone mean the same on every machine.
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        with _active(spark):
            yield spark
    finally:
        _retries(spark, 0)
        spark.stop()


def _retries(spark: SparkSession, number: int) -> None:
    """How often a Connect server that does not answer is tried again; 6 times take 25 s.

    The client's own default takes over ten minutes, and again for each of its goodbyes.
    """
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    if isinstance(spark, ConnectSession):
        spark.client.set_retry_policies([DefaultPolicy(max_retries=number, max_backoff=10_000)])


@contextmanager
def _active(spark: SparkSession) -> Iterator[None]:
    """Make a Connect session the thread's active one, whatever sessions a notebook or a test has open.

    The client binds checkpoints to the active session, not to that of their DataFrame, and `create` makes a
    session active only where none is.
    """
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    before = ConnectSession.getActiveSession()
    if isinstance(spark, ConnectSession):
        ConnectSession._active_session.session = spark
    try:
        yield
    finally:
        ConnectSession._active_session.session = before


def commit_note(
    stage: str, recipe: str, contract: str | None = None, **inputs: TableVersion
) -> dict[str, Any]:
    """What a commit is made of, as `DeltaLog.last` gives it back: digests, and in `inputs` table versions."""
    return {
        "stage": stage,
        "inputs": {table: asdict(at) for table, at in inputs.items()},
        "recipe": recipe,
        "contract": contract,
        "lakemint": version("lakemint"),
    }


def _text(note: Mapping[str, Any]) -> str:
    return json.dumps(note, sort_keys=True)


def _noted(writer: DataFrameWriter, note: Mapping[str, Any]) -> DataFrameWriter:
    return writer.option("userMetadata", _text(note))


def hash32(purpose: str, text: Column) -> Column:
    """A number from 0 to 2**32 - 1 that follows from the text alone, another one for each purpose."""
    return F.conv(F.substring(F.sha2(F.concat(F.lit(f"{purpose}:"), text), 256), 1, 8), 16, 10).cast("long")


def split_of(sample_id: Column, split: Split) -> Column:
    """`train`, `validation` or `test`, by a hash of an id alone: it stays as the data grow."""
    place = hash32("split", sample_id) / F.lit(2.0**32)
    in_train = place < split.train
    in_validation = place < split.train + split.validation
    return F.when(in_train, "train").when(in_validation, "validation").otherwise("test")


def stratum_of(value: Column) -> Column:
    """A value as the name of its stratum; null and an empty text say nothing, and are one."""
    return F.coalesce(value.cast("string"), F.lit(""))


def read_table(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
    """A Delta table, at a version when named."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(uri)


def read_changes(spark: SparkSession, uri: str, after: int, until: int) -> DataFrame:
    """The change feed of a Delta table that has one: of its commits behind version `after`, up to `until`."""
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    return reader.option("startingVersion", after + 1).option("endingVersion", until).load(uri)


def read_files(spark: SparkSession, uris: Sequence[str], schema: str) -> DataFrame:
    """Parquet files of whatever states of a table, with the columns of `schema`; broken ones are skipped."""
    if not uris:
        return spark.createDataFrame([], schema)
    return spark.read.schema(schema).option("ignoreCorruptFiles", True).parquet(*uris)


def replace_table(frame: DataFrame, uri: str, note: Mapping[str, Any], **properties: str) -> None:
    """Overwrite the whole table in one commit, schema included; a new one gets Delta's `properties`."""
    writer = frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    for name, value in properties.items():
        writer = writer.option(f"delta.{name}", value)
    _noted(writer, note).save(uri)


def note_only(spark: SparkSession, uri: str, note: Mapping[str, Any]) -> None:
    """Commit a note to a table whose rows are right already."""
    nothing = read_table(spark, uri).limit(0).write.format("delta").mode("append")
    with _setting(spark, _SKIP_EMPTY, "false"):  # or Delta would not commit what adds no file
        _noted(nothing, note).save(uri)


def checkpoint(spark: SparkSession, uri: str, note: Mapping[str, Any]) -> None:
    """Make a checkpoint now, and after it commit a note: that version needs nothing from before."""
    table = f"ALTER TABLE delta.`{uri}`"
    spark.sql(f"{table} SET TBLPROPERTIES ('{_CHECKPOINTS}' = '1')")  # one is made of this very commit
    spark.sql(f"{table} UNSET TBLPROPERTIES ('{_CHECKPOINTS}')")
    note_only(spark, uri, note)


def data_files(spark: SparkSession, uri: str, version: int) -> list[str] | None:
    """The URIs of a version's files; None when the log cannot tell it any more."""
    try:
        return read_table(spark, uri, version).inputFiles()
    except AnalysisException:
        return None


def purge(spark: SparkSession, uri: str) -> None:
    """Write files anew whose deleted rows are only marked as such, where a table is kept in that way."""
    properties = spark.sql(f"SHOW TBLPROPERTIES delta.`{uri}`").collect()
    if _VECTORS in [row["key"] for row in properties]:
        spark.sql(f"REORG TABLE delta.`{uri}` APPLY (PURGE)").collect()


def free_scratch(spark: SparkSession) -> None:
    """Have the server delete the files of queries that are over: rows that they shuffled.

    It does so when its Java collects garbage (`ContextCleaner`), by itself every half hour, and when Delta no
    longer remembers the tables it read lately: the statistics in their logs were shuffled too.
    """
    for name, method in (("org.apache.spark.sql.delta.DeltaLog", "clearCache"), ("java.lang.System", "gc")):
        spark.sql(f"SELECT java_method('{name}', '{method}')").collect()


def set_properties(spark: SparkSession, uri: str, **properties: str) -> None:
    """Set some of a table's Delta properties, in a commit that changes no data."""
    named = ", ".join(f"'delta.{name}' = '{value}'" for name, value in properties.items())
    spark.sql(f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ({named})")


def replace_rows(frame: DataFrame, uri: str, where: str, note: Mapping[str, Any]) -> None:
    """Replace the rows for which `where` holds, all of them and in one commit, by those of `frame`.

    Every row of `frame` must satisfy `where`. Creates the table if need be; adds new columns.
    """
    writer = frame.write.format("delta").mode("overwrite").option("replaceWhere", where)
    _noted(writer.option("mergeSchema", "true"), note).save(uri)


def insert_new(
    frame: DataFrame, uri: str, key: Sequence[str], note: Mapping[str, Any], *, exists: bool
) -> None:
    """Append the rows whose key is not there yet (MERGE, insert only), adding new columns.

    `exists`: whether there is a table; else it is made.
    """
    if not exists:
        frame.limit(0).write.format("delta").mode("append").save(uri)
    _merge(frame, uri, key, "WHEN NOT MATCHED THEN INSERT *", note)


def upsert(frame: DataFrame, uri: str, key: Sequence[str], note: Mapping[str, Any]) -> None:
    """Replace the rows of a table that have the same key, and append the others, in one commit (MERGE)."""
    _merge(frame, uri, key, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", note)


def match(frame: DataFrame, uri: str, key: Sequence[str], note: Mapping[str, Any]) -> None:
    """Make a table hold these rows and no others, by one commit of what differs; none if nothing does.

    The table has the frame's columns; `key` is unique in both.
    """
    differs = " OR ".join(f"NOT t.`{name}` <=> s.`{name}`" for name in frame.columns if name not in key)
    action = f"WHEN MATCHED AND ({differs}) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    _merge(frame, uri, key, f"{action} WHEN NOT MATCHED BY SOURCE THEN DELETE", note)


def amend(frame: DataFrame, uri: str, on: str, action: str, note: Mapping[str, Any]) -> dict[str, int]:
    """Change the rows `t` of a table that meet a row `s` of the frame, in the words of MERGE.

    Returns how many were `updated`, `deleted` and `inserted`. At most one row of the frame meets each.
    """
    done = _run_merge(frame, f"MERGE INTO delta.`{uri}` t USING {_INCOMING} s ON {on} {action}", note)
    return {what: int(done[f"num_{what}_rows"]) for what in ("updated", "deleted", "inserted")}


def _merge(frame: DataFrame, uri: str, key: Sequence[str], action: str, note: Mapping[str, Any]) -> None:
    on = " AND ".join(f"t.`{name}` = s.`{name}`" for name in key)
    evolving = f"MERGE WITH SCHEMA EVOLUTION INTO delta.`{uri}` t USING {_INCOMING} s"
    _run_merge(frame, f"{evolving} ON {on} {action}", note)


def _run_merge(frame: DataFrame, statement: str, note: Mapping[str, Any]) -> dict[str, Any]:
    frame.createOrReplaceTempView(_INCOMING)
    # MERGE takes no writer options: the session's own setting carries the note.
    with _setting(frame.sparkSession, COMMIT_NOTE, _text(note)):
        done = frame.sparkSession.sql(statement).collect()
    return done[0].asDict()


@contextmanager
def _setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    spark.conf.set(name, value)
    try:
        yield
    finally:
        spark.conf.unset(name)
