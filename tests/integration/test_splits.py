"""Stratified splits on the real Spark: what was dealt stays, whatever becomes of data, recipe and tables."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config, load_config
from lakemint.dataset.recipe import Split
from lakemint.delta_log import DeltaLog
from lakemint.errors import ContractError, RecipeError
from lakemint.names import Reference
from lakemint.published.opened import open_published
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


def test_what_was_dealt_stays_whatever_becomes_of_the_recipe(notes: SmallDataset) -> None:
    first = some("a", 20) + some("b", 5)
    kinds = {sample_id([text]): kind for kind, text in first}
    bronze(notes, 1, first)
    notes.run("refine")
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
    assert not notes.run("refine").changed
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

    def killed_at(place: str) -> dict[str, str] | None:
        """What is dealt when refine was killed there, which is before its other tables change."""
        before = notes.version("silver"), notes.version("rejected")
        with monkeypatch.context() as patch:
            patch.setattr(f"lakemint.{place}", dies)
            with pytest.raises(Killed):
                notes.run("refine")
        assert (notes.version("silver"), notes.version("rejected")) == before
        return None if notes.version("splits") is None else dealt(notes)

    bronze(notes, 1, some("a", 30) + some("b", 6))
    assert killed_at("refine.splits.table.replace_table") is None
    first = killed_at("spark.replace_rows")
    assert first
    notes.run("refine")
    assert (dealt(notes), notes.version("splits")) == (first, 0)
    for table in ("splits", "silver", "rejected"):  # the whole way without a kill
        notes.remove(table)
    notes.run("refine")
    assert dealt(notes) == first
    bronze(notes, 2, some("a", 9, "more") + some("b", 3, "more"))
    assert killed_at("refine.splits.table.insert_new") == first
    second = killed_at("spark.replace_rows")
    assert second
    assert len(second) == 48
    version = notes.version("splits")
    notes.run("refine")
    assert (dealt(notes), notes.version("splits")) == (second, version)


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
    assert notes.version("splits") is None
    notes.write(
        SOURCES, STRINGS[1:], STRINGS[1:], label={"known": "text"}, split={**SHARES, "stratify": "kind"}
    )
    with pytest.raises(ContractError, match=r"schema\[silver\]: no property 'kind'; add it"):
        notes.run("refine")
