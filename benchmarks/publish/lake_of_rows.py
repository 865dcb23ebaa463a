"""The tables of every state of the rows, each state in a lake of its own, as assembly leaves them.

Written once, by Spark; called as `lake_of_rows <rows>`.
"""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from benchmarks.publish.links import DATASET, link, set_lake
from benchmarks.publish.rows import STATES
from lakemint.assemble.table import bring_up_to_date
from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import CHANGE_FEED, DeltaLog
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID
from lakemint.spark import commit_note, replace_table, spark_session, upsert
from lakemint.store import open_store
from lakemint.verdicts import keep, verdict_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SHARD = 24 * 1024 * 1024
"""Bytes of a shard of train, or so: the recipe's buckets are chosen for it."""


def prepare(rows: Path) -> None:
    """Write the recipe, the contract, and a lake of tables for each state, in `<rows>/lakes`."""
    _write_schemas(rows)
    with spark_session(load_config()) as spark:
        for before, state in zip((None, *STATES), STATES, strict=False):
            lake = rows / "lakes" / state
            lake.mkdir(parents=True)
            set_lake(rows, lake)
            if before is None:
                _first_tables(spark, spark.read.parquet(str(rows / state)))
            else:
                link(rows / "lakes" / before, lake)
                changed = spark.read.parquet(str(rows / f"{state}-changed.parquet"))
                _change(changed)


def _first_tables(spark: "SparkSession", examples: "DataFrame") -> None:
    """All tables, as the stages before publishing leave them."""
    lake, log, recipe, contract = _opened()
    ids = examples.select(SAMPLE_ID)
    raw = pa.table({"records": [examples.count()], "quarantined": [0]})
    replace_table(spark.createDataFrame(raw), lake.table("objects", DATASET), {})
    for name in ("silver", "labels"):
        replace_table(ids, lake.table(name, DATASET), {})
    at = {name: log.need(name).at for name in ("silver", "labels")}
    note = commit_note("assemble", recipe.digest, contract.digest, **at)
    bring_up_to_date(examples.orderBy(SAMPLE_ID), lake.table("gold", DATASET), log, note)
    _judge()


def _change(changed: "DataFrame") -> None:
    """Bring what changed into gold."""
    lake, log, _, _ = _opened()
    note = {**log.need("gold").note, CHANGE_FEED: True}
    upsert(changed, lake.table("gold", DATASET), [SAMPLE_ID], note)
    _judge()


def _judge() -> None:
    lake, log, _, contract = _opened()
    for name in ("silver", "gold"):
        table = contract.table(name)
        verdict = verdict_of(DATASET, name, log.need(name).at, table.suite_digest, [])
        keep(open_store(load_config()), lake, verdict)


def _opened() -> Any:
    config = load_config()
    lake, schemas = Lake(config.lake), config.schemas_folder()
    log = DeltaLog(open_store(config), lake, DATASET)
    return lake, log, load_recipe(schemas, DATASET), load_contract(schemas, DATASET)


def _write_schemas(rows: Path) -> None:
    folder = rows / "schemas" / DATASET
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size = sum(path.stat().st_size for path in (rows / STATES[0]).iterdir())
    recipe = {
        "sources": {"post": {"format": "tsv", "columns": ["image", "kind"]}},
        "content": ["image"],
        "label": {"known": "kind"},
        "publish": {"buckets": max(4, round(0.8 * size / SHARD))},
    }
    key = {"name": SAMPLE_ID, "logicalType": "string", "required": True, "unique": True, "primaryKey": True}
    own = [
        {"name": "image", "logicalType": "string", "physicalType": "binary"},
        {"name": "label", "logicalType": "string", "required": True},
    ]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": DATASET, "name": DATASET}
    tables = [{"name": "silver", "properties": [key]}, {"name": "gold", "properties": [key, *own]}]
    about = {"version": "1.0.0", "status": "active", "description": {"purpose": "Rows."}, "schema": tables}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "contract.yaml").write_text(yaml.safe_dump({**head, **about}))


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
