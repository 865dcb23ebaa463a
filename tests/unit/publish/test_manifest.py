"""What a version is made of: complete, current, conserved."""

import re
from dataclasses import asdict
from typing import Any

import pytest

from lakemint.delta_log import Commit
from lakemint.digest import canonical
from lakemint.errors import ConservationError, LakemintError
from lakemint.names import TableVersion
from lakemint.publish.manifest import (
    basis_of,
    conserved,
    manifest_of,
    require_current,
    split_records,
)
from lakemint.published.records import Counts, Manifest, parse

RECIPE, CONTRACT = "a" * 64, "b" * 64
COUNTS = Counts(raw=12, quarantined=1, rejected=2, unlabeled=3, published=6)


def at(version: int, commit: str = "first") -> TableVersion:
    return TableVersion(version, commit)


def used(version: int) -> dict[str, Any]:
    return asdict(at(version))


def commits(**changed: Commit) -> dict[str, Commit]:
    gold: dict[str, Any] = {
        "inputs": {"silver": used(3), "labels": used(1)},
        "recipe": RECIPE,
        "contract": CONTRACT,
    }
    tables: dict[str, Commit] = {
        "objects": Commit(at(0), {}),
        "silver": Commit(at(3), {"inputs": {"bronze": used(0)}}),
        "bronze": Commit(at(0), {}),
        "labels": Commit(at(1), {}),
        "gold": Commit(at(2), gold),
    }
    return {**tables, **changed}


def test_current_tables_pass() -> None:
    require_current("notes", CONTRACT, RECIPE, commits())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"silver": Commit(at(4), {})}, "gold was made from version 3 of silver, which is at 4"),
        ({"labels": Commit(at(9), {})}, "gold was made from version 1 of labels, which is at 9"),
        ({"bronze": Commit(at(1), {})}, "silver was made from version 0 of bronze, which is at 1"),
        (
            {"bronze": Commit(at(0, "second"), {})},
            "silver was made from another table that stood at bronze's",
        ),
        ({"gold": Commit(at(2), {"recipe": "c" * 64})}, "another recipe"),
        ({"gold": Commit(at(2), {"contract": "c" * 64})}, "another contract"),
    ],
)
def test_what_is_behind_is_said(changed: dict[str, Commit], words: str) -> None:
    with pytest.raises(LakemintError, match=f"notes: .*{words}.*lakemint run notes"):
        require_current("notes", CONTRACT, RECIPE, commits(**changed))


def test_annotations_are_bound_as_the_labels_know_them_though_newer_ones_come_in() -> None:
    answering = commits(
        annotations=Commit(at(8), {}), labels=Commit(at(1), {"inputs": {"annotations": used(7)}})
    )
    require_current("notes", CONTRACT, RECIPE, answering)
    assert basis_of("notes", CONTRACT, RECIPE, answering, []).inputs["annotations"] == at(7)


@pytest.mark.parametrize("table", ["objects", "silver", "labels", "gold"])
def test_a_missing_table_is_named(table: str) -> None:
    there = commits()
    del there[table]
    with pytest.raises(LakemintError, match=f"there is no {table}/notes yet; `lakemint run notes`"):
        require_current("notes", CONTRACT, RECIPE, there)


def test_conservation_holds_or_fails_with_the_numbers() -> None:
    counted = list(COUNTS.model_dump().items())
    assert conserved("notes", counted) == COUNTS
    for wrong in (11, 13):
        words = f"notes: {wrong} raw records ≠ 6 published + 3 unlabeled + 2 rejected + 1 quarantined = 12"
        with pytest.raises(ConservationError, match=re.escape(words)):
            conserved("notes", [*counted, ("raw", wrong)])


def test_a_table_that_was_not_counted_holds_nothing() -> None:
    assert conserved("notes", [("raw", 2), ("published", 2)]).quarantined == 0


def written(split: str, bucket: int, rows: int, **labels: int) -> dict[str, Any]:
    digest = f"{split}{bucket}".encode().hex().ljust(64, "0")
    return {
        "split": split,
        "bucket": bucket,
        "sha256": digest,
        "bytes": 100 * rows,
        "rows": rows,
        "labels": labels,
        "content": f"{rows:064x}",
    }


SHARDS = [written("train", 2, 3, a=1, b=2), written("train", 0, 2, a=2), written("test", 1, 1, b=1)]


def test_splits_add_up_in_the_order_of_buckets_and_empty_ones_are_there() -> None:
    splits = split_records(("train", "validation", "test"), SHARDS)
    assert splits["train"].rows == 5
    assert splits["train"].labels == {"a": 3, "b": 2}
    assert [shard.rows for shard in splits["train"].shards] == [2, 3]
    assert splits["validation"].rows == 0
    assert splits["test"].labels == {"b": 1}
    contents = [int(splits[name].content or "", 16) for name in ("train", "validation", "test")]
    assert contents == [5, 0, 1]


def test_the_digest_follows_from_what_was_found_not_from_its_order() -> None:
    found = set()
    for shards, verdicts in ((SHARDS, "ef"), (SHARDS[::-1], "fe")):
        basis = basis_of("notes", CONTRACT, RECIPE, commits(), [letter * 64 for letter in verdicts])
        splits = split_records(("train", "test"), shards)
        found.add(manifest_of(basis, [("sample_id", "string")], {}, COUNTS, splits, buckets=3).digest)
    assert len(found) == 1


def test_shards_without_all_of_gold_are_no_version() -> None:
    basis = basis_of("notes", CONTRACT, RECIPE, commits(), [])
    with pytest.raises(ConservationError, match="gold has 6 rows, its shards 3"):
        manifest_of(basis, [], {}, COUNTS, split_records((), SHARDS[1:]), buckets=3)


def test_a_manifest_holds_the_agreed_fields_and_its_basis_is_recognised() -> None:
    basis = basis_of("notes", CONTRACT, RECIPE, commits(), ["e" * 64])
    summary = {
        "samples": 4,
        "answers": 9,
        "annotators": 3,
        "alpha": 0.5,
        "mean_agreement": 0.75,
        "method": "majority",
        "replayed": True,
    }
    splits = split_records((), SHARDS)
    columns = [("sample_id", "string")]
    manifest = manifest_of(basis, columns, {**summary, "else": 1}, COUNTS, splits, buckets=3, base="b" * 64)
    assert basis.is_that_of(manifest)
    other = basis_of("notes", CONTRACT, RECIPE, commits(gold=Commit(at(3), {})), ["e" * 64])
    assert not other.is_that_of(manifest)
    content = manifest.content
    assert content["labels"] == summary
    assert content["counts"] == {"raw": 12, "quarantined": 1, "rejected": 2, "unlabeled": 3, "published": 6}
    assert content["inputs"] == {name: asdict(commit.at) for name, commit in commits().items()}
    assert content["schema"] == [{"name": "sample_id", "type": "string"}]
    expected = [
        "format",
        "dataset",
        "contract",
        "recipe",
        "lakemint",
        "code",
        "inputs",
        "verdicts",
        "schema",
        "labels",
        "counts",
        "base",
        "buckets",
        "splits",
    ]
    assert sorted(content) == sorted(expected)
    assert canonical(content).startswith(b'{"base":"bbb')
    older = {name: value for name, value in content.items() if name != "code"}
    assert parse(Manifest, canonical(older), "m").content == older
