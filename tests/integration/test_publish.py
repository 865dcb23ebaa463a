"""Publishing from real Delta tables to the real store: one version for one input, whatever happens."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config
from tests.integration.gold_dataset import DATASET, GoldDataset
from tests.integration.small_dataset import run_job


@pytest.fixture(scope="module")
def filled(stack: Config, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> GoldDataset:
    config = replace(stack, lake=f"s3://test/{uuid4().hex[:12]}")
    dataset = GoldDataset(config, spark, tmp_path_factory.mktemp("schemas"))
    dataset.fill(200)
    return dataset


@pytest.fixture
def letters(filled: GoldDataset, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoldDataset]:
    """The filled dataset with nothing published; this process's settings are its."""
    for name, value in filled.environment().items():
        monkeypatch.setenv(name, value)
    yield filled
    filled.clear()


def test_gold_is_what_the_feed_yields_row_by_row(letters: GoldDataset) -> None:
    outcome = run_job("publish", DATASET)
    assert (outcome.subject, outcome.changed) == ("letters@1", True)
    version = lakemint.open("letters@1")
    assert version.digest == outcome.identity
    found = {}
    for split in version.splits:
        for batch in version[split]:
            for row in batch.to_pylist():
                found[row["sample_id"]] = {**row, "split": split}
    assert found == letters.rows
    assert sum(len(version[split]) for split in version.splits) == 200
