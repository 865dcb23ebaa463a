"""A small dataset of a test's own, from silver to what Label Studio has of it."""

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from lakemint.config import Config
from lakemint.delta_log import DeltaLog
from lakemint.job.outcome import Outcome
from lakemint.label.project import Project
from lakemint.label.studio import LabelStudio
from lakemint.lake import Lake
from lakemint.spark import read_table, replace_table
from lakemint.store import open_store
from tests.support import CHECKOUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PER_SAMPLE = 3
CLASSES = {"-1": "negative", "0": "neutral", "1": "positive"}
FORM = """
<View>
  <Text name="text" value="$text"/>
  <Choices name="rating" toName="text" choice="single">
    <Choice value="-1"/> <Choice value="0"/> <Choice value="1"/>
  </Choices>
</View>
"""
RECIPE = """
sources:
  tweets: {format: tsv, columns: [id, text]}
  movies: {format: tsv, columns: [id, text]}
content: [text]
label:
  form: label.xml
  sample: {size: 12, strata: source}
  answers: {per_sample: 3}
  classes: {negative: ["-1"], neutral: ["0"], positive: ["1"]}
  replay: {columns: [id, mean, ratings], key: id, answers: ratings}
"""
KNOWN = """
sources:
  tweets: {format: tsv, columns: [id, text]}
  movies: {format: tsv, columns: [id, text]}
content: [text]
label: {known: id}
"""
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: NAME
name: NAME
version: 1.0.0
status: active
schema:
  - name: silver
    properties:
      - {name: sample_id, logicalType: string, required: true, unique: true, primaryKey: true}
      - {name: source, logicalType: string, required: true}
      - {name: id, logicalType: string, required: true}
      - {name: text, logicalType: string, required: true}
  - name: gold
    properties:
      - {name: sample_id, logicalType: string, required: true, unique: true, primaryKey: true}
      - {name: text, logicalType: string, required: true}
      - {name: label, logicalType: string, required: true}
"""


@dataclass
class Dataset:
    """A dataset of the test's own: silver in its lake, recordings in its store, a name nobody else has."""

    name: str
    config: Config
    spark: "SparkSession"
    schemas: Path

    def job(self, name: str) -> Outcome:
        """Run a job in this process, and return what it says."""
        return cast("Outcome", runpy.run_path(self.command(name)[1])["main"](self.name))

    def command(self, name: str) -> list[str]:
        return [sys.executable, str(CHECKOUT / "jobs" / f"{name}.py"), self.name]

    def write_silver(self, rows: int, shift: int = 0) -> None:
        """Two thirds tweets, the rest movies; the text says which. Each id is its number and `shift`."""
        records = [
            {
                "sample_id": f"{number:032x}",
                "source": "movies" if number % 3 == 0 else "tweets",
                "id": str(number + shift),
                "text": f"snippet {number} <b>&amp;\u2028\u00e9</b>",
            }
            for number in range(rows)
        ]
        frame = self.spark.createDataFrame(pa.Table.from_pylist(records))
        replace_table(frame, self.uri("silver"), {"rows": rows, "shift": shift})

    def uri(self, table: str) -> str:
        return Lake(self.config.lake).table(table, self.name)

    def version(self, table: str) -> int:
        return self.log.need(table).version

    @property
    def log(self) -> DeltaLog:
        return DeltaLog(open_store(self.config), Lake(self.config.lake), self.name)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row.asDict() for row in read_table(self.spark, self.uri(table)).collect()]

    def labels(self) -> dict[str, str | None]:
        return {row["sample_id"]: row["label"] for row in self.rows("labels")}


def recorded(key: int) -> list[int]:
    """What the raters of a record said: more answers than are asked for, except of every seventh record."""
    answers = [(key + rater * rater) % 3 - 1 for rater in range(5)]
    return answers[:2] if key % 7 == 0 else answers


def annotations(studio: LabelStudio, project: Project) -> dict[str, list[tuple[int, str, int]]]:
    """sample_id → (account, answer, annotation id) as Label Studio has them."""
    fields = ["data", "annotations", "completed_by", "result"]
    return {
        task["data"]["sample_id"]: [
            (found["completed_by"], found["result"][0]["value"]["choices"][0], found["id"])
            for found in task["annotations"]
        ]
        for page in studio.tasks(project.id, fields)
        for task in page
    }
