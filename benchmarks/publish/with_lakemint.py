"""Lakemint: `jobs/publish.py` on the folder store and the stack's Spark, from gold as assembly leaves it.

`prepare` writes the tables of every state into a lake of its own, once; a step lays links to those files into
the lake that is published in, so that each round begins with the same tables, byte by byte.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from benchmarks.publish.contest import timed
from benchmarks.publish.rows import STATES
from lakemint.assemble.table import bring_up_to_date
from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import CHANGE_FEED, DeltaLog
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, Reference
from lakemint.published.difference import difference
from lakemint.published.opened import open_published
from lakemint.published.records import Manifest
from lakemint.spark import commit_note, replace_table, spark_session, upsert
from lakemint.store import open_store
from lakemint.store.safety import require_safe
from lakemint.verdicts import keep, verdict_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DATASET = "rows"
SHARD = 24 * 1024 * 1024
"""Bytes of a shard of train, or so: the recipe's buckets are chosen for it."""


def prepare(rows: Path) -> None:
    """Write the recipe, the contract, and a lake of tables for each state, in `<rows>/lakes`."""
    _write_schemas(rows)
    with spark_session(load_config()) as spark:
        for before, state in zip((None, *STATES), STATES, strict=False):
            lake = rows / "lakes" / state
            lake.mkdir(parents=True)
            _set_lake(rows, lake)
            if before is None:
                _first_tables(spark, spark.read.parquet(str(rows / state)))
            else:
                _link(rows / "lakes" / before, lake)
                changed = spark.read.parquet(str(rows / f"{state}-changed.parquet"))
                _change(changed)


def step(state: str, rows: Path, folder: Path) -> dict[str, Any]:
    """Publish a state; what is told: seconds, and bytes of the shards that hold what changed."""
    from jobs.publish import main

    lake = folder / "lake"
    (lake / "published").mkdir(parents=True, exist_ok=True)
    if not (folder / "remote").exists():
        (folder / "remote").symlink_to(lake / "published")
    _set_lake(rows, lake)
    _link(rows / "lakes" / state, lake)
    config = load_config()
    require_safe(open_store(config), Lake(config.lake))  # probed once for a lake, not at each publish
    seconds = timed(lambda: main(DATASET))
    number = len(list((lake / "published" / DATASET / "versions").iterdir()))
    manifests = [open_published(config, Reference(DATASET, at)).manifest for at in (number - 1, number) if at]
    stored = sum(shard.stored for shard in manifests[-1].shards)
    return {"seconds": seconds, "stored": stored, "touched": sum(_touched(*manifests))}


def compare(rows: Path, folder: Path) -> dict[str, Any]:
    """`lakemint version diff` of the first two versions."""
    _set_lake(rows, folder / "lake")
    first, second = Reference(DATASET, 1), Reference(DATASET, 2)
    return {"seconds": timed(lambda: difference(load_config(), first, second))}


def _touched(before: Manifest, after: Manifest | None = None) -> Iterator[int]:
    """Bytes of each shard that is another one after."""
    kept = {} if after is None else _files(after)
    for place, (files, stored) in _files(before).items():
        if kept.get(place, ((), 0))[0] != files:
            yield stored


def _files(manifest: Manifest) -> dict[tuple[str, int | None], tuple[tuple[str, ...], int]]:
    return {
        (name, shard.bucket): (tuple(file.sha256 for file in shard.files), shard.stored)
        for name, split in manifest.splits.items()
        for shard in split.shards
    }


def _set_lake(rows: Path, lake: Path) -> None:
    os.environ["LAKEMINT_SCHEMAS"] = str(rows / "schemas")
    os.environ["LAKEMINT_LAKE"] = f"file://{lake}"


def _link(source: Path, target: Path) -> None:
    """Make `target` hold the tables and verdicts of `source`."""
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists() or not there.samefile(path):
            there.unlink(missing_ok=True)
            os.link(path, there)


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


def main(what: str, rows: Path, folder: Path) -> None:
    if what == "prepare":
        told = {"seconds": timed(lambda: prepare(rows))}
    elif what == "diff":
        told = compare(rows, folder)
    else:
        told = step(what, rows, folder)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
