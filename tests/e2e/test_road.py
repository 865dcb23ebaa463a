"""Every raw record accounted for, every published row and label recomputed from the raw files themselves."""

import hashlib
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import lakemint
from lakemint.dataset.recipe import load_recipe
from lakemint.demo.digits import scans
from lakemint.demo.reviews import CORPORA, corpus_files, fetch
from lakemint.spark import read_table
from tests.e2e.conftest import Road, version_card
from tests.identity import sample_id
from tests.support import CHECKOUT
from tests.support import lakemint as command

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Place = tuple[str, int]
"""(object key, line) of a raw record."""


def raw_reviews() -> dict[Place, str]:
    """Every line of the raw files, by place, read without any of Lakemint's parsers."""
    files = corpus_files(fetch(CHECKOUT / ".lakemint" / "cache"))
    lines = {}
    for source, begin in CORPORA.items():
        name = f"{begin}_GroundTruth.txt"
        for number, line in enumerate(files[name].decode("utf-8-sig").split("\r\n"), start=1):
            lines[f"raw/reviews/{source}/{name}", number] = line
    return lines


def raw_ratings() -> dict[tuple[str, str], list[int]]:
    """(source, snippet id) → its ratings, from the recorded files."""
    files = corpus_files(fetch(CHECKOUT / ".lakemint" / "cache"))
    ratings = {}
    for source, begin in CORPORA.items():
        for line in files[f"{begin}_anonDataRatings.txt"].decode("utf-8-sig").split("\r\n"):
            key, _mean, _deviation, answers = line.split("\t")
            ratings[source, key] = json.loads(answers)
    return ratings


def table(road: Road, spark: "SparkSession", name: str, dataset: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(spark, road.lake.table(name, dataset)).toArrow().to_pylist()
    return rows


def places(rows: Iterable[Mapping[str, Any]]) -> list[Place]:
    return [(row["object"], row["line"]) for row in rows]


def published(dataset: str) -> dict[str, dict[str, Any]]:
    """sample_id → row, over all splits, through the public API alone."""
    version = lakemint.open(f"{dataset}@1")
    rows = [
        {**row, "split": split}
        for split in version.splits
        for batch in version[split]
        for row in batch.to_pylist()
    ]
    by_id = {row["sample_id"]: row for row in rows}
    assert len(by_id) == len(rows), "a sample was published twice"
    return by_id


def assert_conserved(road: Road, spark: "SparkSession", dataset: str, raw: set[Place]) -> None:
    """Each raw record is in exactly one of quarantine, rejected, and silver; the card counts the same."""
    quarantine, rejected, silver = (
        table(road, spark, name, dataset) for name in ("quarantine", "rejected", "silver")
    )
    met = Counter(places(quarantine) + places(rejected) + places(silver))
    assert set(met) == raw
    assert max(met.values()) == 1
    ids = set(published(dataset))
    assert ids <= {row["sample_id"] for row in silver}
    counts = version_card(dataset)["counts"]
    assert counts == {
        "raw": len(raw),
        "quarantined": len(quarantine),
        "rejected": len(rejected),
        "unlabeled": len(silver) - len(ids),
        "published": len(ids),
    }


def test_demo_says_where_to_look(road: Road) -> None:
    for address in (road.config.airflow_url, road.config.label_studio_url):
        assert address in road.said
    assert "reviews@1" in road.said
    assert "digits@1" in road.said


def test_second_demo_publishes_nothing_new(road: Road) -> None:
    again = command("demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing new" in again.stdout
    for dataset in ("reviews", "digits"):
        listed = json.loads(command("version", "list", dataset, "--json").stdout)
        assert [entry["version"] for entry in listed] == [1]


def test_every_raw_review_is_accounted_for(road: Road, spark: "SparkSession") -> None:
    assert_conserved(road, spark, "reviews", set(raw_reviews()))


def test_every_raw_digit_is_accounted_for(road: Road, spark: "SparkSession") -> None:
    assert_conserved(road, spark, "digits", {(f"raw/digits/scans/{name}", 0) for name, _ in scans()})


def text_of(line: str) -> str:
    """What the recipe makes of a raw line's text."""
    return " ".join(unicodedata.normalize("NFC", line.split("\t")[2]).split())


def test_silver_has_each_text_once(road: Road, spark: "SparkSession") -> None:
    """Against the raw files, by what the formats say and nothing of ours but the id."""
    silver, rejected = (table(road, spark, name, "reviews") for name in ("silver", "rejected"))
    texts = {text_of(line) for line in raw_reviews().values()}
    assert {row["sample_id"]: row["text"] for row in silver} == {sample_id([text]): text for text in texts}
    assert {row["reason"] for row in rejected} == {"duplicate.exact"}


def test_published_reviews_are_the_raw_lines(road: Road, spark: "SparkSession") -> None:
    raw = raw_reviews()
    silver = {row["sample_id"]: row for row in table(road, spark, "silver", "reviews")}
    rows = published("reviews")
    assert rows
    for sample, row in rows.items():
        assert row["text"] == text_of(raw[silver[sample]["object"], silver[sample]["line"]])


def test_published_digits_are_the_raw_scans(road: Road) -> None:
    by_content = {content: name.split("/")[0] for name, content in scans()}
    rows = published("digits")
    assert {row["image"]: row["label"] for row in rows.values()} == by_content


def test_labels_recompute_from_events_and_events_from_the_recordings(
    road: Road, spark: "SparkSession"
) -> None:
    recipe = load_recipe(CHECKOUT / "schemas", "reviews")
    assert recipe.label.answers
    ratings = raw_ratings()
    silver = {row["sample_id"]: row for row in table(road, spark, "silver", "reviews")}
    answers: dict[str, list[int]] = defaultdict(list)
    for event in table(road, spark, "annotations", "reviews"):
        answers[event["sample_id"]].append(int(event["value"]))
    expected = {}
    for one, given in answers.items():
        sample = silver[one]
        recorded = ratings[sample["source"], sample["id"]][: recipe.label.answers.per_sample]
        assert sorted(given) == sorted(recorded)
        votes = Counter(recipe.label.class_of(str(value)) for value in recorded).most_common()
        if len(votes) == 1 or votes[0][1] > votes[1][1]:
            expected[one] = votes[0][0]
    assert {one: row["label"] for one, row in published("reviews").items()} == expected


def test_splits_follow_the_hash_of_the_cluster(road: Road, spark: "SparkSession") -> None:
    clusters = {row["sample_id"]: row["cluster"] for row in table(road, spark, "clusters", "reviews")}
    split = load_recipe(CHECKOUT / "schemas", "reviews").split
    for one, row in published("reviews").items():
        draw = int(hashlib.sha256(f"split:{clusters[one]}".encode()).hexdigest()[:8], 16) / 2**32
        bounds = [("train", split.train), ("validation", split.train + split.validation), ("test", 1.0)]
        assert row["split"] == next(name for name, bound in bounds if draw < bound)


def test_each_split_has_its_share_of_every_digit(road: Road) -> None:
    split = load_recipe(CHECKOUT / "schemas", "digits").split
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in published("digits").values():
        found[row["label"]][row["split"]] += 1
    assert len(found) == 10
    for counts in found.values():
        for name in ("train", "validation", "test"):
            assert abs(counts[name] - getattr(split, name) * counts.total()) < 1


def test_no_two_splits_hold_texts_that_are_alike(road: Road) -> None:
    """By the definition of `near_duplicates`, comparing each with each."""
    near = load_recipe(CHECKOUT / "schemas", "reviews").near_duplicates
    assert near is not None

    def shingles(text: str) -> set[str]:
        plain = " ".join(text.casefold().split())
        return {plain[at : at + near.shingle] for at in range(max(1, len(plain) - near.shingle + 1))}

    rows = [(row["split"], shingles(row["text"])) for row in published("reviews").values()]
    alike = [
        (one, other)
        for (one, left), (other, right) in combinations(rows, 2)
        if one != other and len(left & right) / len(left | right) >= near.jaccard
    ]
    assert alike == []


def test_the_baseline_learned_and_was_scored_on_the_test_split(road: Road) -> None:
    for dataset, at_least in (("reviews", 1 / 3), ("digits", 0.9)):
        card = version_card(dataset)
        score = card["baseline"]
        assert isinstance(score, dict)
        assert score["manifest"] == card["digest"]
        assert score["test_rows"] == len(lakemint.open(f"{dataset}@1", split="test"))
        assert score["accuracy"] > at_least
