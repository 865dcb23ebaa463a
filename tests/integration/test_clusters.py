"""Near-duplicates on the real Spark: they share a split however the data grow; what tests stays a test."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config
from lakemint.dataset.recipe import NearDuplicates, Split
from lakemint.delta_log import DeltaLog
from lakemint.refine.near.minhash import jaccard, shingles
from lakemint.refine.near.transforms import COMPARED, grown
from lakemint.spark import replace_rows
from tests.identity import sample_id
from tests.integration.small_dataset import DATASET, SmallDataset

JACCARD, WIDTH = 0.7, 5
SOURCES = {"mail": {"format": "tsv", "columns": ["text"]}}
TEXT = {"name": "text", "logicalType": "string"}
SPLIT: dict[str, Any] = {"train": 0.5, "validation": 0.2, "test": 0.3}
NEAR: dict[str, Any] = {"columns": ["text"], "jaccard": JACCARD, "shingle": WIDTH}
STEPS = 8
REASON = "near_duplicate.split"


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    dataset = SmallDataset(config, spark, tmp_path, monkeypatch)
    dataset.write(SOURCES, [TEXT], near_duplicates=NEAR, split=SPLIT)
    return dataset


def add(notes: SmallDataset, batch: int, texts: list[str]) -> None:
    """Texts as the lines of a file that was ingested."""
    place = {"object": f"raw/notes/mail/{batch}.tsv", "etag": str(batch), "batch": batch, "source": "mail"}
    rows = [{**place, "line": at, "text": text} for at, text in enumerate(texts, 1)]
    frame = notes.spark.createDataFrame(pa.Table.from_pylist(rows))
    replace_rows(frame, notes.lake.table("bronze", DATASET), f"object = '{place['object']}'", {})


def split_of(root: str) -> str:
    place = int(hashlib.sha256(f"split:{root}".encode()).hexdigest()[:8], 16) / 2**32
    return "train" if place < 0.5 else "validation" if place < 0.7 else "test"


def splits(notes: SmallDataset) -> dict[str, str]:
    """Text → its split, of all that is in silver."""
    cluster = {row["sample_id"]: row["cluster"] for row in notes.rows("clusters", "sample_id", "cluster")}
    silver = notes.rows("silver", "sample_id", "text")
    return {row["text"]: split_of(cluster[row["sample_id"]]) for row in silver}


def alike_apart(found: dict[str, str]) -> list[tuple[str, str]]:
    """All pairs of texts in two splits that are alike, by comparing each with each."""
    texts = sorted(found)
    sets = shingles(texts, WIDTH)
    return [
        (one, other)
        for at, one in enumerate(texts)
        for before, other in enumerate(texts[:at])
        if found[one] != found[other] and jaccard(sets.of(at), sets.of(before)) >= JACCARD
    ]


def sentence(draw: random.Random) -> list[str]:
    return ["".join(draw.choices("abcdefghij", k=draw.randint(3, 8))) for _ in range(14)]


def growing(draw: random.Random) -> Iterator[list[str]]:
    """Batches of new texts, of copies with a word changed, and of texts that join two that were far apart."""
    seen: list[list[str]] = []
    later: list[list[list[str]]] = [[] for _ in range(STEPS + 3)]
    for step in range(STEPS):
        batch = later[step]
        for _ in range(4):
            words = sentence(draw)
            for wait, part in enumerate((words[3:], words[:-3], words)):
                later[step + wait].append(part)
        for _ in range(12):  # copies, and by copies of copies chains that drift away
            words = list(draw.choice(seen)) if seen else sentence(draw)
            words[draw.randrange(len(words))] = "".join(draw.choices("klmnop", k=5))
            batch.append(words)
        seen += batch
        yield [" ".join(words) for words in batch]


def test_as_data_grow_no_copies_stand_apart_and_no_test_example_is_trained_on(
    spark: SparkSession, seed: int
) -> None:
    near, split = NearDuplicates(**NEAR), Split(**SPLIT)
    texts: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    before: dict[str, str] = {}
    moves = 0
    for batch in growing(random.Random(seed)):  # noqa: S311 - test data
        texts |= {sample_id([text]): text for text in batch}
        samples = spark.createDataFrame([*texts.items()], "sample_id string, text string")
        known = spark.createDataFrame(pa.Table.from_pylist([*rows.values()])) if rows else None
        changed = grown(samples, known, near, split).toArrow().to_pylist()
        rows |= {row["sample_id"]: row for row in changed}
        assert rows.keys() == texts.keys()
        stays = [row for row in rows.values() if split_of(row["root"]) == split_of(row["cluster"])]
        now = {texts[row["sample_id"]]: split_of(row["cluster"]) for row in stays}
        assert alike_apart(now) == []
        assert all(now.get(text) == "test" for text, split in before.items() if split == "test")
        assert all(now[text] == before[text] for text in before.keys() & now.keys())
        moves += len(before.keys() - now.keys())
        before = now
    # The cases were met: samples in each split, and clusters that met.
    assert moves > 0
    assert {*before.values()} == {"train", "validation", "test"}


def alike_in_two_splits() -> tuple[str, str, str]:
    """A text that is trained on, one that is tested on, unlike each other, and one that is like both."""
    draw = random.Random(5)  # noqa: S311 - test data
    while True:
        words = sentence(draw)
        middle = " ".join(words)
        left, right = " ".join(words[3:]), " ".join(words[:-3])
        sets = shingles([left, right, middle], WIDTH)
        far = jaccard(sets.of(0), sets.of(1)) < JACCARD
        near = all(jaccard(sets.of(side), sets.of(2)) >= JACCARD for side in (0, 1))
        if far and near and (split_of(sample_id([left])), split_of(sample_id([right]))) == ("train", "test"):
            return left, right, middle


def test_a_sample_that_joins_two_clusters_takes_the_train_copies_out(
    notes: SmallDataset, spark: SparkSession
) -> None:
    trained, tested, between = alike_in_two_splits()
    log = DeltaLog(notes.store, notes.lake, DATASET)
    add(notes, 1, [trained, tested])
    notes.run("refine")
    assert splits(notes) == {trained: "train", tested: "test"}
    first = log.need("clusters")
    add(notes, 2, [between, "something else altogether"])
    outcome = notes.run("refine")
    assert outcome.counts == {"records": 4, "silver": 3, "rejected": 1}
    assert {text: splits(notes)[text] for text in (between, tested)} == {between: "test", tested: "test"}
    names = ("reason", "stage", "sample_id", "survivor", "survivor_object")
    (row,) = notes.rows("rejected", *names)
    assert tuple(row.values()) == (REASON, "refine", sample_id([trained]), sample_id([tested]), None)

    # New samples cost only themselves, and the one whose cluster moved.
    uri = notes.lake.table("clusters", DATASET)
    metrics = spark.sql(f"DESCRIBE HISTORY delta.`{uri}` LIMIT 1").collect()[0]["operationMetrics"]
    assert (metrics["numTargetRowsInserted"], metrics["numTargetRowsUpdated"]) == ("2", "1")
    # As a kill between the tables leaves it: made good, and with no new samples nothing is written.
    second = log.need("clusters")
    assert second.version == first.version + 1
    whole = splits(notes), notes.rows("rejected")
    notes.remove("silver")
    notes.run("refine")
    assert (splits(notes), notes.rows("rejected")) == whole
    assert log.need("clusters") == second


def test_many_copies_are_one_cluster_until_likeness_means_something_else(notes: SmallDataset) -> None:
    words = sentence(random.Random(2))  # noqa: S311 - test data
    add(notes, 1, [" ".join([*words, str(number)]) for number in range(20 * COMPARED)])
    notes.run("refine")
    assert len({row["cluster"] for row in notes.rows("clusters", "cluster")}) == 1
    notes.write(SOURCES, [TEXT], near_duplicates={**NEAR, "jaccard": 1.0})
    outcome = notes.run("refine")
    assert outcome.counts["silver"] == 20 * COMPARED
    rows = notes.rows("clusters", "sample_id", "cluster", "root")
    assert all(row["sample_id"] == row["cluster"] == row["root"] for row in rows)
