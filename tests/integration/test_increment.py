"""Versions that grow out of the one before, from gold's real change feed to the real store."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.export.croissant import of_shards
from lakemint.names import Reference
from lakemint.published.difference import difference
from lakemint.published.garbage import find_garbage
from lakemint.published.opened import open_published
from lakemint.published.verify import verify
from tests.integration.gold_dataset import DATASET, LABELS, GoldDataset
from tests.support import run_job

EXAMPLES, IMAGE = 700, 10_000
"""So many, of so many bytes: shards of train are larger than those that are always written anew."""


@pytest.fixture
def letters(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GoldDataset:
    dataset = GoldDataset(config, spark, tmp_path)
    for name, value in dataset.environment().items():
        monkeypatch.setenv(name, value)
    dataset.fill(EXAMPLES, judged=False)
    draw = random.Random(1)  # noqa: S311 - test data
    write(dataset, {one: {**row, "image": draw.randbytes(IMAGE)} for one, row in dataset.rows.items()})
    return dataset


def write(dataset: GoldDataset, rows: dict[str, dict[str, Any]]) -> None:
    dataset.write(rows)
    dataset.judge()


def rows_of(name: str) -> dict[str, dict[str, Any]]:
    version = lakemint.open(name)
    return {
        row["sample_id"]: {**row, "split": split}
        for split in version.splits
        for row in version[split].to_table().to_pylist()
    }


def stored(dataset: GoldDataset) -> dict[str, int]:
    return {item.key: item.size for item in dataset.store.list("published/letters/shards/")}


def edited(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each kind of change a few: relabeled, moved, gone, come, and changed to null."""
    relabeled, moved, gone, emptied = (sorted(rows)[start : start + 4] for start in (0, 10, 20, 30))
    after = {one: dict(row) for one, row in rows.items() if one not in gone}
    for one in relabeled:
        after[one]["label"] = next(label for label in LABELS if label != rows[one]["label"])
    for one in moved:
        after[one]["split"] = "test" if rows[one]["split"] == "train" else "train"
    for one in emptied:
        after[one] |= {"image": None, "stars": None}
    for number in range(4):
        one = f"{number:032x}"
        after[one] = {**rows[sorted(rows)[50]], "sample_id": one}
    return after


def test_a_small_change_writes_little_and_reads_back_as_gold(letters: GoldDataset) -> None:
    assert run_job("publish", DATASET).subject == "letters@1"
    first, before = letters.rows, stored(letters)
    write(letters, edited(first))
    # What came and went between two versions is no change.
    passing = {**letters.rows, "f" * 32: {**letters.rows["0" * 32], "sample_id": "f" * 32}}
    second = letters.rows
    write(letters, passing)
    write(letters, second)
    outcome = run_job("publish", DATASET)
    assert outcome.subject == "letters@2"
    assert rows_of("letters@2") == second
    assert rows_of("letters@1") == first
    new = {key: size for key, size in stored(letters).items() if key not in before}
    manifest = open_published(letters.config, Reference(DATASET, 2)).manifest
    overlaid = [shard for shard in manifest.splits["train"].shards if shard.overlays]
    assert len(overlaid) == 3
    assert sum(file.bytes for shard in overlaid for file in shard.overlays) < 30 * (IMAGE + 1000)
    assert sum(new.values()) < 0.5 * sum(before.values())  # test and validation are small, and written anew

    for number in (1, 2):
        assert verify(letters.config, Reference(DATASET, number)).problems == []
    found = difference(letters.config, Reference(DATASET, 1), Reference(DATASET, 2))
    assert found["rows"] == {"added": 4, "removed": 4, "relabeled": 4, "moved": 4, "changed": 4}
    with pytest.raises(LakemintError, match="--to parquet"):
        of_shards(open_published(letters.config, Reference(DATASET, 2)))
    assert run_job("rebuild", DATASET, "2").identity == outcome.identity
    assert find_garbage(letters.store, letters.lake, DATASET, timedelta(0)).objects == []


def test_without_what_it_goes_on_from_a_version_is_written_anew(letters: GoldDataset) -> None:
    run_job("publish", DATASET)
    write(letters, edited(letters.rows))
    letters.store.delete(max(stored(letters), key=lambda key: stored(letters)[key]))
    run_job("publish", DATASET)
    manifest = open_published(letters.config, Reference(DATASET, 2)).manifest
    assert manifest.base is None
    assert not any(shard.overlays for shard in manifest.shards)
    assert rows_of("letters@2") == letters.rows
