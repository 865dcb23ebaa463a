"""A dataset whose tables are written straight into the lake, as the stages before publishing leave them."""

import datetime
import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from pyspark.sql import SparkSession

from lakemint.assemble.table import bring_up_to_date
from lakemint.config import Config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.spark import commit_note, replace_table
from lakemint.store import open_store
from lakemint.verdicts import keep, verdict_of

DATASET = "letters"
LABELS = ("good", "bad", "[bold]odd[/bold]")
TYPES = {
    "sample_id": pa.string(),
    "source": pa.string(),
    "text": pa.string(),
    "image": pa.binary(),
    "stars": pa.int64(),
    "score": pa.float64(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "at": pa.timestamp("us", tz="UTC"),
    "label": pa.string(),
    "split": pa.string(),
}
"""Every type that can be published."""
SUMMARY = {
    "samples": 7,
    "answers": 21,
    "annotators": 3,
    "alpha": 0.61,
    "mean_agreement": 0.75,
    "method": "majority",
}


class GoldDataset:
    """`letters`: `rows` are gold's, by sample_id."""

    def __init__(self, config: Config, spark: SparkSession, folder: Path) -> None:
        self.config, self.spark, self.folder = config, spark, folder
        self.lake, self.store = Lake(config.lake), open_store(config)
        self.rows: dict[str, dict[str, Any]] = {}
        _write_schemas(folder / DATASET)

    def environment(self) -> dict[str, str]:
        """What a job's process must be told."""
        return {
            "LAKEMINT_SCHEMAS": str(self.folder),
            "LAKEMINT_LAKE": self.config.lake,
            "LAKEMINT_S3_ENDPOINT": self.config.s3_endpoint,
            "LAKEMINT_HOME": str(self.config.home),
            "LAKEMINT_CACHE": str(self.folder / "cache"),
        }

    def fill(
        self, examples: int, seed: int = 0, *, unlabeled: int = 3, lost: int = 0, judged: bool = True
    ) -> None:
        """Write all tables: `examples` labeled samples, and records that left; `lost` ones are nowhere."""
        made = [_row(index, seed) for index in range(examples + unlabeled)]
        rows, rest = made[:examples], made[examples:]
        self.write({row["sample_id"]: row for row in rows}, [row["sample_id"] for row in rest], lost)
        if judged:
            self.judge()

    def write(self, rows: dict[str, dict[str, Any]], unlabeled: Sequence[str] = (), lost: int = 0) -> None:
        """Bring all tables to these labeled rows."""
        self.rows = rows
        silver = [{"sample_id": sample_id} for sample_id in (*rows, *unlabeled)]
        gone = {"object": "raw/letters/x", "line": 1}
        raw = [{"records": len(silver) + 1 + lost, "quarantined": 2}]
        recipe, contract = load_recipe(self.folder, DATASET), load_contract(self.folder, DATASET)
        self._table("objects", raw)
        self._table("quarantine", [gone, gone])
        self._table("rejected", [gone])
        self._table("silver", silver)
        self._table("labels", silver[: len(rows)], summary=SUMMARY)
        at = {name: self.at(name) for name in ("silver", "labels")}
        note = commit_note("assemble", recipe.digest, contract.digest, **at)
        table = pa.Table.from_pylist(list(rows.values()), schema=pa.schema(list(TYPES.items())))
        log = DeltaLog(self.store, self.lake, DATASET)
        bring_up_to_date(self.spark.createDataFrame(table), self.lake.table("gold", DATASET), log, note)

    def judge(self, *, passed: bool = True) -> None:
        """A verdict on silver and gold as they are now."""
        contract = load_contract(self.folder, DATASET)
        for name in ("silver", "gold"):
            check: dict[str, Any] = {"name": "rows", "column": None, "severity": "critical", "passed": passed}
            checks = [{**check, "observed": 1, "broken": 0 if passed else 1, "rows": []}]
            suite = contract.table(name).suite_digest
            keep(self.store, self.lake, verdict_of(DATASET, name, self.at(name), suite, checks))

    def at(self, table: str) -> TableVersion:
        return DeltaLog(self.store, self.lake, DATASET).need(table).at

    def clear(self) -> None:
        """Nothing is published."""
        for key in self.keys("published/"):
            self.store.delete(key)

    def keys(self, prefix: str) -> list[str]:
        return [item.key for item in self.store.list(prefix)]

    def _table(self, name: str, rows: list[dict[str, Any]], **note: Any) -> None:
        frame = self.spark.createDataFrame(pa.Table.from_pylist(rows))
        replace_table(frame, self.lake.table(name, DATASET), note)


def _row(index: int, seed: int) -> dict[str, Any]:
    draw = random.Random(f"{seed}:{index}")  # noqa: S311 - test data
    sample_id = hashlib.sha256(f"{seed}:{index}".encode()).hexdigest()[:32]
    place = int(hashlib.sha256(f"split:{sample_id}".encode()).hexdigest()[:8], 16) / 2**32
    label = draw.choice(LABELS)
    return {
        "sample_id": sample_id,
        "source": "post",
        "text": f"{label} wörd {'é' * draw.randrange(50)}\u0000\n",
        "image": draw.randbytes(draw.randrange(200)) if index % 7 else None,
        "stars": draw.randrange(-(2**62), 2**62) if index % 5 else None,
        "score": draw.random() * 1e300,
        "flag": draw.random() < 0.5 if index % 3 else None,
        "day": datetime.date(1, 1, 1) + datetime.timedelta(days=draw.randrange(3_000_000)),
        "at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=index),
        "label": label,
        "split": "train" if place < 0.8 else "validation" if place < 0.9 else "test",
    }


def _write_schemas(folder: Path) -> None:
    folder.mkdir(parents=True)
    recipe: Mapping[str, Any] = {
        "sources": {"post": {"format": "tsv", "columns": ["text", "kind"]}},
        "content": ["text"],
        "label": {"known": "kind"},
        "publish": {"buckets": 3},
        "baseline": {"input": "text", "encode": "text"},
    }
    key = {"name": "sample_id", "logicalType": "string", "required": True, "unique": True, "primaryKey": True}
    logical = [
        {"name": "source", "logicalType": "string"},
        {"name": "text", "logicalType": "string"},
        {"name": "image", "logicalType": "string", "physicalType": "binary"},
        {"name": "stars", "logicalType": "integer"},
        {"name": "score", "logicalType": "number"},
        {"name": "flag", "logicalType": "boolean"},
        {"name": "day", "logicalType": "date"},
        {"name": "at", "logicalType": "timestamp"},
        {"name": "label", "logicalType": "string", "required": True},
    ]
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": DATASET,
        "name": DATASET,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "Letters."},
        "schema": [{"name": "silver", "properties": [key]}, {"name": "gold", "properties": [key, *logical]}],
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "contract.yaml").write_text(yaml.safe_dump(contract))
