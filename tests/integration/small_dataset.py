"""A small dataset of its own lake, taken along the first two stages by the real jobs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config, load_config
from lakemint.delta_log import DeltaLog
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import read_table
from lakemint.store import open_store
from tests.support import run_job

DATASET = "notes"
_AFTER_LABELS = ("assemble", "gate gold", "publish")
KEY = {"name": "sample_id", "logicalType": "string", "required": True, "unique": True, "primaryKey": True}


class SmallDataset:
    """`notes`: its files, its raw objects, its tables."""

    def __init__(
        self, config: Config, spark: SparkSession, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.store, self.spark, self.folder = open_store(config), spark, folder
        self.lake = Lake(config.lake)
        monkeypatch.setenv("LAKEMINT_SCHEMAS", str(folder))
        monkeypatch.setenv("LAKEMINT_HOME", str(config.home))

    def write(
        self,
        sources: dict[str, Any],
        properties: list[dict[str, Any]],
        shown: Sequence[dict[str, Any]] = (),
        **recipe: Any,
    ) -> None:
        """The contract and the recipe; content is `text` and nothing is refined unless said.

        `properties`: of silver beside its id and source; `shown`: of gold beside those and the label.
        """
        place = self.folder / DATASET
        place.mkdir(exist_ok=True)
        whole = {"sources": sources, "content": ["text"], "label": {"known": "text"}, **recipe}
        source = {"name": "source", "logicalType": "string", "required": True}
        gold = [KEY, source, *shown, {"name": "label", "logicalType": "string", "required": True}]
        contract = {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": DATASET,
            "name": DATASET,
            "version": "1.0.0",
            "status": "active",
            "description": {"purpose": "Notes."},
            "schema": [
                {"name": "silver", "properties": [KEY, source, *properties]},
                {"name": "gold", "properties": gold},
            ],
        }
        (place / "recipe.yaml").write_text(yaml.safe_dump(whole))
        (place / "contract.yaml").write_text(yaml.safe_dump(contract))

    def land(self, key: str, data: bytes) -> None:
        """Put a raw object under `raw/notes/`."""
        self.store.put(f"raw/{DATASET}/{key}", data)

    def remove(self, table: str) -> None:
        """All of a table, its log too, as somebody might by hand."""
        for item in list(self.store.list(self.lake.log(table, DATASET).removesuffix("_delta_log/"))):
            self.store.delete(item.key)

    def run(self, stage: str) -> Outcome:
        """The real job, in this process."""
        return run_job(stage, DATASET)

    def rows(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """A table's rows, ordered by object and line (or by whatever it begins with)."""
        frame = read_table(self.spark, self.lake.table(table, DATASET))
        found = frame.select(*(columns or frame.columns)).toArrow().to_pylist()
        return cast("list[dict[str, Any]]", sorted(found, key=lambda row: repr([*row.items()])))

    def version(self, table: str) -> int | None:
        return DeltaLog(self.store, self.lake, DATASET).version(table)


def take_road(*label: str) -> None:
    """Every stage's job in its order; `label`: those of labeling, unless the labels are known."""
    for stage in ("ingest", "refine", "gate silver", *(label or ("label_collect",)), *_AFTER_LABELS):
        name, *arguments = stage.split()
        run_job(name, DATASET, *arguments)


def texts(number: int) -> set[str]:
    """Of a published version."""
    version = lakemint.open(f"{DATASET}@{number}", config=load_config())
    tables = [version[split].to_table() for split in version.splits]
    return {text for table in tables for text in table.column("text").to_pylist()}


def tsv(rows: Iterable[Iterable[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)
