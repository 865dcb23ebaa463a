"""A version that is built without Spark is, bit for bit, the one that Spark builds from the same tables."""

import datetime
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from lakemint.config import Config
from lakemint.delta_log import DeltaLog
from lakemint.lake import Lake
from lakemint.names import SPLITS
from lakemint.publish.build import manifest_from
from lakemint.publish.direct_source import DirectSource
from lakemint.publish.manifest import Basis
from lakemint.publish.spark_source import SparkSource
from lakemint.published.records import Manifest
from lakemint.spark import match, replace_table
from lakemint.store import open_store

DATASET, BUCKETS = "mixed", 2
TYPES = {
    "sample_id": pa.string(),
    "text": pa.string(),
    "image": pa.binary(),
    "long": pa.int64(),
    "whole": pa.int32(),
    "real": pa.float64(),
    "short": pa.float32(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "at": pa.timestamp("us", tz="UTC"),
    "label": pa.string(),
    "split": pa.string(),
}
"""Every type that can be published."""
IDS = [f"{number:032x}" for number in range(12)] + ["é", "", "\u0000", "zz"]
FED = {"enableChangeDataFeed": "true", "checkpointInterval": "2"}

Row = dict[str, Any]

instants = st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30))
values = {
    "text": st.text(max_size=5),
    "image": st.binary(max_size=9),
    "long": st.integers(-(2**63), 2**63 - 1),
    "whole": st.integers(-(2**31), 2**31 - 1),
    "real": st.floats(),
    "short": st.floats(width=32),
    "flag": st.booleans(),
    "day": st.dates(),
    "at": instants.map(lambda one: one.replace(tzinfo=datetime.UTC)),
    "label": st.sampled_from(["good", "bad", "ünsure"]),
}
rows = st.fixed_dictionaries(
    {name: st.none() | value for name, value in values.items() if name != "label"}
).flatmap(
    lambda row: st.tuples(values["label"], st.sampled_from(["train", "test", "ö/ %2"])).map(
        lambda known: {**row, "label": known[0], "split": known[1]}
    )
)
states = st.dictionaries(st.sampled_from(IDS), rows, max_size=8)
"""Samples and their rows: states share ids, so that rows come, go, change, move, and come back."""
ways = st.sampled_from(["merge", "merge", "overwrite"])
timestamps = st.sampled_from(["INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"])


class Mixed:
    """A dataset whose gold is of every type; whatever gold has, all `IDS` are in silver."""

    def __init__(self, config: Config, spark: SparkSession) -> None:
        self.config, self.spark = config, spark
        self.lake, self.store = Lake(config.lake), open_store(config)
        self.log = DeltaLog(self.store, self.lake, DATASET)
        self.uri = self.lake.table("gold", DATASET)
        ids = pa.table({"sample_id": IDS})
        self._write("objects", pa.table({"records": [len(IDS) + 3, None], "quarantined": [2, 7]}))
        self._write("quarantine", pa.table({"line": [1, 2]}))
        self._write("rejected", ids.slice(0, 3))
        self._write("silver", ids)
        self._write("labels", ids)

    def _write(self, name: str, rows: pa.Table) -> None:
        replace_table(self.spark.createDataFrame(rows), self.lake.table(name, DATASET), {})

    def frame(self, state: dict[str, Row]) -> DataFrame:
        listed = [{"sample_id": one, **row} for one, row in {**state, "none": {}}.items()]
        table = pa.Table.from_pylist(listed, schema=pa.schema([*TYPES.items()]))
        return self.spark.createDataFrame(table).where("sample_id <> 'none'")  # it takes no empty table

    def bring(self, state: dict[str, Row], way: str = "merge") -> None:
        if way == "merge" and self.log.last("gold") is not None:
            match(self.frame(state), self.uri, ["sample_id"], {"change_feed": True})
        else:
            replace_table(self.frame(state), self.uri, {"change_feed": True}, **FED)

    def basis(self) -> Basis:
        inputs = {
            name: self.log.need(name).at
            for name in ("objects", "quarantine", "rejected", "silver", "labels", "gold")
        }
        return Basis(DATASET, "c" * 64, "d" * 64, "0.1.0", inputs, ["e" * 64])

    def alone(self, base: Manifest | None) -> Manifest:
        basis = self.basis()
        source = DirectSource(self.config, basis, BUCKETS)
        return manifest_from(source, basis, {}, SPLITS, base, buckets=BUCKETS)

    def by_spark(self, base: Manifest | None) -> Manifest:
        basis = self.basis()
        source = SparkSource(self.spark, self.config, basis, BUCKETS)
        return manifest_from(source, basis, {}, SPLITS, base, buckets=BUCKETS)

    def same(self, base: Manifest | None = None) -> Manifest:
        """What both ways make."""
        alone, by_spark = self.alone(base), self.by_spark(base)
        assert alone.content == by_spark.content
        assert alone.digest == by_spark.digest
        return alone


def contents(manifest: Manifest) -> dict[str, str | None]:
    """Of splits that have rows: one that had some before is named still."""
    return {name: split.content for name, split in manifest.splits.items() if split.rows}


@pytest.fixture
def mixed(config: Config, spark: SparkSession) -> Mixed:
    return Mixed(config, spark)


@pytest.fixture(scope="module")
def shared(stack: Config, spark: SparkSession) -> Callable[[], Mixed]:
    """The dataset with no gold, again and again."""
    from dataclasses import replace
    from uuid import uuid4

    made = Mixed(replace(stack, lake=f"s3://test/{uuid4().hex[:12]}"), spark)

    def emptied() -> Mixed:
        for key, _ in list(made.store.sizes(f"{made.lake.files('gold', DATASET)}")):
            made.store.delete(key)
        return made

    return emptied


@settings(max_examples=6, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(first=states, then=st.lists(st.tuples(ways, states), max_size=3), stored=timestamps)
def test_both_ways_make_the_same_of_any_tables_and_changes(
    shared: Callable[[], Mixed], first: dict[str, Row], then: list[tuple[str, dict[str, Row]]], stored: str
) -> None:
    mixed = shared()
    mixed.spark.conf.set("spark.sql.parquet.outputTimestampType", stored)
    mixed.bring(first)
    base = mixed.same()
    for way, state in then:
        mixed.bring(state, way)
    grown = mixed.same(base)
    assert sum(split.rows for split in grown.splits.values()) == len(then[-1][1] if then else first)
    assert contents(grown) == contents(mixed.same())
