"""Assembling on the real Spark: gold is exactly the labeled samples, each in the split its id says."""

from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakemint.assemble.transforms import gold
from lakemint.config import Config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import Split
from lakemint.delta_log import DeltaLog
from lakemint.errors import LakemintError
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import note_only, read_table, replace_table, split_of
from lakemint.store import Store
from tests.support import run_job
from tests.unit.contracts import write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

IDS = [md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in range(20_000)]


def expected_split(sample_id: str, split: Split) -> str:
    place = int(sha256(f"split:{sample_id}".encode()).hexdigest()[:8], 16) / 2**32
    if place < split.train:
        return "train"
    return "validation" if place < split.train + split.validation else "test"


def splits(spark: "SparkSession", ids: list[str], split: Split) -> dict[str, str]:
    from pyspark.sql import functions as F

    frame = spark.createDataFrame([(one,) for one in ids], "sample_id string")
    found = frame.select("sample_id", split_of(F.col("sample_id"), split).alias("split")).collect()
    return {row["sample_id"]: row["split"] for row in found}


shares = (
    st.tuples(st.integers(0, 100), st.integers(0, 100))
    .map(sorted)
    .map(
        lambda cuts: Split(
            train=cuts[0] / 100, validation=(cuts[1] - cuts[0]) / 100, test=round(1 - cuts[1] / 100, 2)
        )
    )
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(split=shares, ids=st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=1))
def test_a_sample_is_where_the_hash_of_its_id_says(
    spark: "SparkSession", split: Split, ids: list[str]
) -> None:
    assert splits(spark, ids, split) == {one: expected_split(one, split) for one in ids}


def test_the_splits_have_their_shares(spark: "SparkSession") -> None:
    found = list(splits(spark, IDS, Split(train=0.7, validation=0.2, test=0.1)).values())
    # Five standard deviations of a share among 20,000 are under 0.017.
    for name, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert abs(found.count(name) / len(IDS) - share) < 0.017


def test_a_sample_stays_where_it_is_as_the_train_split_grows(spark: "SparkSession") -> None:
    small = splits(spark, IDS[:2000], Split(train=0.6, validation=0.2, test=0.2))
    large = splits(spark, IDS[:2000], Split(train=0.7, validation=0.1, test=0.2))
    assert all(large[one] == name for one, name in small.items() if name != "validation")


def silver_of(spark: "SparkSession", *rows: tuple[str, str, int]) -> "DataFrame":
    schema = "sample_id string, source string, text string, age bigint, object string, line bigint"
    return spark.createDataFrame([(*row[:1], "shelter", *row[1:], "o", 1) for row in rows], schema)


def labels_of(spark: "SparkSession", **labels: str | None) -> "DataFrame":
    rows = [(one, label, 1.0) for one, label in labels.items()]
    return spark.createDataFrame(rows, "sample_id string, label string, confidence double")


SILVER = [("b1", "a cat", 3), ("a1", "a dog", 2), ("c1", "a bird", 1), ("d1", "what?", 9)]
LABELS: dict[str, str | None] = {"a1": "dog", "b1": "cat", "c1": None, "gone": "cat"}


def test_gold_is_the_labeled_samples_in_the_contracts_columns(spark: "SparkSession", tmp_path: Path) -> None:
    table = load_contract(write(tmp_path), "pets").table("gold")
    split = Split()
    tables = {"silver": silver_of(spark, *SILVER), "labels": labels_of(spark, **LABELS)}
    frame = gold(tables, table, split)
    assert frame.dtypes == [(name, "string") for name in ("sample_id", "text", "label", "split")]
    assert [tuple(row) for row in frame.collect()] == [
        ("a1", "a dog", "dog", expected_split("a1", split)),
        ("b1", "a cat", "cat", expected_split("b1", split)),
    ]


@pytest.fixture
def lake(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(write(tmp_path / "schemas")))
    return Lake(config.lake)


def test_the_job_writes_gold_once_and_again_only_when_something_changed(
    spark: "SparkSession", lake: Lake, store: Store, tmp_path: Path
) -> None:
    uri = lake.table("gold", "pets")
    with pytest.raises(LakemintError, match="there is no silver/pets yet; `lakemint run pets` makes it"):
        run_job("assemble", "pets")
    replace_table(silver_of(spark, *SILVER), lake.table("silver", "pets"), {})
    with pytest.raises(LakemintError, match="there is no labels/pets yet"):
        run_job("assemble", "pets")
    replace_table(labels_of(spark, **LABELS), lake.table("labels", "pets"), {})

    first = run_job("assemble", "pets")
    assert (first.subject, first.identity, first.changed) == ("gold/pets", "0", True)
    assert (first.counts["labeled"], first.counts["unlabeled"]) == (2, 2)
    assert sum(first.counts.get(name, 0) for name in ("train", "validation", "test")) == 2
    log = DeltaLog(store, lake, "pets")
    assert log.need("gold").note["inputs"] == {
        name: {"version": 0, "commit": log.need(name).at.commit} for name in ("silver", "labels")
    }

    again = run_job("assemble", "pets")
    assert again == Outcome(first.subject, "0", changed=False, counts=first.counts)
    replace_table(labels_of(spark, **{**LABELS, "c1": "dog"}), lake.table("labels", "pets"), {})
    more = run_job("assemble", "pets")
    assert (more.identity, more.changed, more.counts["labeled"]) == ("1", True, 3)
    # The same labels under another split are another gold.
    change: Any = {"train": 0.0, "validation": 0.0, "test": 1.0}
    write(tmp_path / "schemas", None, lambda recipe: recipe.update(split=change))
    moved = run_job("assemble", "pets")
    assert (moved.identity, moved.counts["test"]) == ("2", 3)
    assert {row["split"] for row in read_table(spark, uri).collect()} == {"test"}


def test_a_note_is_committed_where_no_row_changes(spark: "SparkSession", lake: Lake, store: Store) -> None:
    uri, log = lake.table("gold", "pets"), DeltaLog(store, lake, "pets")
    spark.range(0).write.format("delta").save(uri)
    note_only(spark, uri, {"made": "again"})
    assert (log.need("gold").version, log.need("gold").note) == (1, {"made": "again"})
