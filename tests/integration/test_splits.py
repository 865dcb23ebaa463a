"""Stratified splits on the real Spark: shares of every class however data grow; who has a split keeps it."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

import lakemint
from lakemint.config import Config, load_config
from lakemint.dataset.recipe import Split
from lakemint.delta_log import DeltaLog
from lakemint.errors import ContractError, RecipeError
from lakemint.names import SPLITS, Reference
from lakemint.published.opened import open_published
from lakemint.refine.splits.transforms import SCHEMA, parted, units, unsplit
from lakemint.spark import replace_rows
from tests.identity import sample_id
from tests.integration.small_dataset import DATASET, SmallDataset, take_road, tsv
from tests.integration.test_assemble import expected_split
from tests.integration.test_clusters import NEAR, alike_in_two_splits
from tests.support import run_job

COLUMNS = ["kind", "text"]
SOURCES = {name: {"format": "tsv", "columns": COLUMNS} for name in ("mail", "chat")}
STRINGS = [{"name": name, "logicalType": "string"} for name in COLUMNS]
SHARES: dict[str, Any] = {"train": 0.6, "validation": 0.2, "test": 0.2}
BY_KIND: dict[str, Any] = {**SHARES, "stratify": "kind"}
Rows = list[tuple[str, str]]
"""(kind, text), or other pairs."""


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    dataset = SmallDataset(config, spark, tmp_path, monkeypatch)
    write(dataset, BY_KIND)
    return dataset


def write(notes: SmallDataset, split: dict[str, Any], sources: Any = SOURCES, **recipe: Any) -> None:
    notes.write(sources, STRINGS, STRINGS[1:], label={"known": "kind"}, split=split, **recipe)


def bronze(notes: SmallDataset, batch: int, rows: Rows) -> None:
    """Rows as the lines of a file that was ingested."""
    place = {"object": f"raw/notes/mail/{batch}.tsv", "etag": str(batch), "batch": batch, "source": "mail"}
    lines = [{**place, "line": at, "kind": kind, "text": text} for at, (kind, text) in enumerate(rows, 1)]
    frame = notes.spark.createDataFrame(pa.Table.from_pylist(lines))
    replace_rows(frame, notes.lake.table("bronze", DATASET), f"object = '{place['object']}'", {})


def some(kind: str, count: int, name: str = "") -> Rows:
    return [(kind, f"{name} {kind} {number}") for number in range(count)]


def dealt(notes: SmallDataset) -> dict[str, str]:
    """sample_id → split, by the table."""
    rows = notes.rows("splits")
    found = {row["sample_id"]: row["split"] for row in rows}
    assert len(found) == len(rows)
    return found


def off_quota(placed: Iterable[tuple[str, str]], shares: dict[str, float] = SHARES) -> float:
    """Of all (stratum, split): by how many units one of them is off its quota at most."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for stratum, split in placed:
        counts[stratum][split] += 1
    return max(
        abs(shares[name] * found.total() - found[name]) for found in counts.values() for name in SPLITS
    )


class Table:
    """`splits` in memory, grown by the transforms alone."""

    def __init__(self, spark: SparkSession, draw: random.Random | None = None) -> None:
        self._spark, self._draw = spark, draw
        self.splits: dict[str, str] = {}

    def grow(self, kinds: dict[str, str], clusters: dict[str, str] | None = None) -> None:
        """Deal those samples (id → stratum), perhaps in clusters (id → cluster), that have no split yet."""
        samples = self._frame(kinds, "sample_id string, stratum string")
        grouped = self._frame(clusters, "sample_id string, cluster string") if clusters else None
        splits, split = self._frame(self.splits, SCHEMA), Split(**BY_KIND)
        whole = units(samples, grouped, splits).localCheckpoint()
        found = unsplit(samples, grouped, splits, whole, split).collect()
        new = {row["sample_id"]: row["split"] for row in found}
        assert len(new) == len(found)
        assert new.keys() == kinds.keys() - self.splits.keys()
        self.splits |= new

    def leaving(self, clusters: dict[str, str]) -> set[str]:
        grouped = self._frame(clusters, "sample_id string, cluster string")
        return {row["sample_id"] for row in parted(grouped, self._frame(self.splits, SCHEMA)).collect()}

    def _frame(self, rows: dict[str, str], schema: str) -> DataFrame:
        """Where it is left to chance, in any order and any number of partitions."""
        pairs = [*rows.items()]
        if self._draw is None:
            return self._spark.createDataFrame(pairs, schema)
        self._draw.shuffle(pairs)
        return self._spark.createDataFrame(pairs, schema).repartition(self._draw.randint(1, 5))


def test_every_stratum_has_its_shares_however_rows_come_and_lie(spark: SparkSession, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - test data
    kinds: dict[str, str] = {}
    table, shuffled = Table(spark), Table(spark, draw)
    for step in range(3):
        sizes = {"common": 50, "rare": draw.randint(0, 3), "": draw.randint(0, 9), f"only {step}": 5}
        for kind, size in sizes.items():
            kinds |= {sample_id([f"{step} {kind} {number}"]): kind for number in range(size)}
        before = dict(table.splits)
        table.grow(kinds)
        shuffled.grow(kinds)
        assert before.items() <= table.splits.items()
        assert table.splits == shuffled.splits
        assert off_quota((kinds[sample], split) for sample, split in table.splits.items()) < 1
    # Most are where the hash alone would put them.
    split = Split(**SHARES)
    same = sum(expected_split(sample, split) == there for sample, there in table.splits.items())
    assert same > 0.8 * len(table.splits)


def test_clusters_share_a_split_and_whoever_was_tested_on_stays(spark: SparkSession, seed: int) -> None:
    """Clusters grow, and meet; samples leave, and come back."""
    draw = random.Random(seed)  # noqa: S311 - test data
    table, clusters, kinds = Table(spark), dict[str, str](), dict[str, str]()
    left: set[str] = set()
    for step in range(4):
        groups = sorted({*clusters.values()})
        for number in range(30):
            new = sample_id([f"{step} {number}"])
            met = draw.sample(groups, min(len(groups), draw.randint(0, 2)))
            clusters[new] = met[0] if met else new
            clusters |= {one: met[0] for one, cluster in clusters.items() if cluster in met}
            kinds[new] = draw.choice("aab")
        before, gone = dict(table.splits), set(draw.sample(sorted(kinds), len(kinds) // 10))
        table.grow({one: kind for one, kind in kinds.items() if one not in gone}, clusters)
        assert before.items() <= table.splits.items()
        left = table.leaving(clusters)
        stay = {one: there for one, there in table.splits.items() if one not in left}
        assert len({(clusters[one], there) for one, there in stay.items()}) == len(
            {clusters[one] for one in stay}
        )
        assert all(table.splits[one] != "test" for one in left)
    assert left


def test_what_was_dealt_stays_whatever_becomes_of_the_recipe(notes: SmallDataset) -> None:
    first = some("a", 20) + some("b", 5)
    kinds = {sample_id([text]): kind for kind, text in first}
    bronze(notes, 1, first)
    outcome = notes.run("refine")
    begun = dealt(notes)
    assert begun.keys() == kinds.keys()
    assert Counter((kinds[one], split) for one, split in begun.items()) == Counter(
        {
            ("a", "train"): 12,
            ("a", "validation"): 4,
            ("a", "test"): 4,
            ("b", "train"): 3,
            ("b", "validation"): 1,
            ("b", "test"): 1,
        }
    )
    version = notes.version("splits")
    assert notes.run("refine").identity == outcome.identity
    # Other shares are those of what is new; a sample of another class now stays; one that left comes back.
    bronze(notes, 1, [("b", text) for _, text in first[:10]] + first[11:])
    write(notes, {"train": 0.0, "validation": 0.0, "test": 1.0, "stratify": "kind"})
    notes.run("refine")
    assert (dealt(notes), notes.version("splits")) == (begun, version)
    bronze(notes, 1, first)
    bronze(notes, 2, some("c", 7))
    notes.run("refine")
    grown = dealt(notes)
    assert begun.items() <= grown.items()
    assert {grown[one] for one in grown.keys() - begun.keys()} == {"test"}
    # Without strata, what is new goes by its hash; what is there stays.
    write(notes, SHARES)
    bronze(notes, 3, some("d", 15))
    notes.run("refine")
    hashed = dealt(notes)
    split = Split(**SHARES)
    assert hashed == grown | {one: expected_split(one, split) for one in hashed.keys() - grown.keys()}
    notes.run("label_collect")
    notes.run("assemble")
    assert {row["sample_id"]: row["split"] for row in notes.rows("gold", "sample_id", "split")} == hashed


class Killed(BaseException):
    pass


def test_killed_between_its_commits_it_ends_in_the_same(
    notes: SmallDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise Killed

    rows = some("a", 30) + some("b", 6)
    bronze(notes, 1, rows)
    for place in ("refine.splits.table.insert_new", "spark.replace_rows"):
        with monkeypatch.context() as patch:
            patch.setattr(f"lakemint.{place}", dies)
            with pytest.raises(Killed):
                notes.run("refine")
        assert notes.version("silver") is None
    killed = dealt(notes)
    versions = notes.version("splits")
    notes.run("refine")
    assert (dealt(notes), notes.version("splits")) == (killed, versions)
    for table in ("splits", "silver", "rejected"):
        notes.remove(table)
    notes.run("refine")
    assert dealt(notes) == killed


def published(number: int) -> dict[str, str]:
    """Text → its split, through the public API."""
    version = lakemint.open(f"{DATASET}@{number}", config=load_config())
    return {text: split for split in version.splits for text in version[split].to_table()["text"].to_pylist()}


def test_turned_on_later_no_test_example_is_trained_on_and_the_version_rebuilds(notes: SmallDataset) -> None:
    mail, chat = some("a", 30, "old") + some("b", 4, "old"), some("a", 20, "chat")
    write(notes, SHARES)
    notes.land("mail/a.tsv", tsv(mail).encode())
    notes.land("chat/b.tsv", tsv(chat).encode())
    take_road()
    log = DeltaLog(notes.store, notes.lake, DATASET)
    assert log.last("splits") is None
    assert log.need("gold").note["inputs"].keys() == {"silver", "labels"}
    # Chat leaves, and is back when all is dealt; in the same breath come shares by whose hash some examples
    # of test would be trained on.
    shares: dict[str, Any] = {"train": 0.9, "validation": 0.05, "test": 0.05}
    only_mail = {"mail": SOURCES["mail"]}
    for split in (SHARES, {**shares, "stratify": "kind"}):
        write(notes, split, only_mail)
        for stage in ("refine", "label_collect", "assemble"):
            notes.run(stage)
    dealt_without = {row["text"]: row["split"] for row in notes.rows("gold", "text", "split")}
    assert dealt_without.keys() == {text for _, text in mail}
    write(notes, {**shares, "stratify": "kind"})
    notes.land("mail/c.tsv", tsv(some("a", 11, "new") + some("b", 8, "new")).encode())
    take_road()

    by_hash, whole = published(1), published(2)
    assert by_hash == {text: expected_split(sample_id([text]), Split(**SHARES)) for text in by_hash}
    assert by_hash.items() <= whole.items()
    assert dealt_without.items() <= whole.items()
    now = Split(**shares)
    assert "test" in {by_hash[text] for text in by_hash if expected_split(sample_id([text]), now) == "train"}
    assert len(whole) == 73
    manifest = open_published(load_config(), Reference(DATASET, 2)).manifest
    assert manifest.inputs["splits"] == log.need("splits").at
    assert run_job("rebuild", DATASET, "2").identity == manifest.digest


def test_where_copies_meet_the_one_that_is_trained_on_leaves(notes: SmallDataset) -> None:
    one, other, between = alike_in_two_splits()
    half = {"train": 0.5, "validation": 0.0, "test": 0.5, "stratify": "kind"}
    write(notes, half, near_duplicates=NEAR)
    bronze(notes, 1, [("a", one), ("a", other)])
    notes.run("refine")
    begun = dealt(notes)
    assert {*begun.values()} == {"train", "test"}
    tested, trained = sorted((one, other), key=lambda text: begun[sample_id([text])])
    bronze(notes, 2, [("b", between)])
    assert notes.run("refine").counts == {"records": 3, "silver": 2, "rejected": 1}
    assert dealt(notes) == begun | {sample_id([between]): "test"}
    names = ("reason", "sample_id", "survivor")
    cluster = {row["cluster"] for row in notes.rows("clusters", "cluster")}
    (row,) = notes.rows("rejected", *names)
    assert (row["reason"], row["sample_id"]) == ("near_duplicate.split", sample_id([trained]))
    assert {row["survivor"]} == cluster
    notes.run("label_collect")
    notes.run("assemble")
    gold = {row["text"]: row["split"] for row in notes.rows("gold", "text", "split")}
    assert gold == {tested: "test", between: "test"}
    # Another likeness makes the clusters anew; they are apart again, and nobody moves.
    write(notes, half, near_duplicates={**NEAR, "jaccard": 1.0})
    assert notes.run("refine").counts["silver"] == 3
    assert dealt(notes) == begun | {sample_id([between]): "test"}


def test_what_cannot_be_dealt_by_is_told(notes: SmallDataset) -> None:
    bronze(notes, 1, some("a", 120))
    write(notes, {**SHARES, "stratify": "text"})
    with pytest.raises(RecipeError, match=r"'text' has 120 values for 120 samples .* name a coarser column"):
        notes.run("refine")
    notes.write(
        SOURCES, STRINGS[1:], STRINGS[1:], label={"known": "text"}, split={**SHARES, "stratify": "kind"}
    )
    with pytest.raises(ContractError, match=r"schema\[silver\]: no property 'kind'; add it"):
        notes.run("refine")
