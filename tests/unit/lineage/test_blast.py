"""From what turned out bad to versions, channels and runs: every row of it, and no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.errors import LakemintError, VersionNotFound
from lakemint.lineage.blast import BlastRadius
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.published.records import ShardRecord
from lakemint.published.shards import Progress, read
from lakemint.store import Store
from tests.unit.lineage.traced import Traced, note
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.published.retired import LONG, retire, sweep
from tests.unit.small_version import DATASET, WHEN, Row, age, judge, publish, settings, vouch

ROWS = [note(index, "test" if index % 5 == 0 else "train") for index in range(60)]
MORE = [*ROWS, *(note(index) for index in range(60, 90))]


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    return Traced(settings(tmp_path))


def blast_radius(
    config: Config,
    dataset: str,
    kind: str,
    names: list[str],
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    return BlastRadius(config, dataset, (kind, names), progress).plain()


def rows_of(found: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Version → split → rows."""
    return {
        one["name"]: {split: told["rows"] for split, told in one["rows"].items() if told["rows"]}
        for one in found["versions"]
    }


def expected(rows: list[Row], **wanted: str) -> dict[str, int]:
    held = [one["split"] for one in rows if all(one[name] == value for name, value in wanted.items())]
    return {split: held.count(split) for split in ("train", "test") if split in held}


def test_an_object_is_followed_as_silver_was_when_each_version_was_made(traced: Traced) -> None:
    traced.publish(ROWS)
    moved = [{**one, "object": f"raw/{DATASET}/mail/9.tsv"} if one["stars"] == 1 else one for one in MORE]
    traced.publish(moved)
    key = f"raw/{DATASET}/mail/1.tsv"
    for name in (key, "mail/1.tsv", f"{traced.config.lake}/{key}"):
        found = blast_radius(traced.config, DATASET, "object", [name])
        assert found["names"] == [key]
        assert rows_of(found) == {
            "notes@1": expected(ROWS, object=key),
            "notes@2": expected(moved, object=key),
        }
        assert {one["told_by"] for one in found["versions"]} == {"silver"}


def test_where_that_state_of_silver_is_gone_the_newest_has_to_do_and_that_is_said(traced: Traced) -> None:
    traced.publish(ROWS)
    traced.publish(MORE)
    traced.vacuum("silver")
    found = blast_radius(traced.config, DATASET, "object", ["chat/0.tsv"])
    assert {one["name"]: one["told_by"] for one in found["versions"]} == {
        "notes@1": "silver now",
        "notes@2": "silver",
    }
    assert rows_of(found)["notes@1"] == expected(ROWS, object=f"raw/{DATASET}/chat/0.tsv")


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shards that are read from here on."""
    seen: list[str] = []

    def reading(store: Store, key_of: Callable[[str], str], shard: ShardRecord, schema: Any) -> Any:
        seen.append(shard.sha256)
        return read(store, key_of, shard, schema)

    monkeypatch.setattr("lakemint.lineage.spread.read", reading)
    return seen


@pytest.mark.parametrize("sourced", [True, False])
def test_a_source_is_found_in_the_rows_or_else_by_silver(traced: Traced, sourced: bool) -> None:
    traced.publish(ROWS, sourced=sourced)
    found = blast_radius(traced.config, DATASET, "source", ["chat"])
    assert rows_of(found) == {"notes@1": expected(ROWS, source="chat")}
    assert [one["told_by"] for one in found["versions"]] == ["rows" if sourced else "silver"]
    both = blast_radius(traced.config, DATASET, "source", ["chat", "mail"])
    assert rows_of(both) == {"notes@1": {"train": 48, "test": 12}}
    assert blast_radius(traced.config, DATASET, "source", ["quiet"])["versions"] == []


def test_an_annotator_counts_from_the_version_that_has_their_answers(traced: Traced) -> None:
    traced.publish(ROWS, [("a1", ROWS[1]), ("b2", ROWS[2])])
    traced.publish(MORE, [("a1", ROWS[1]), ("b2", ROWS[2]), ("a1", MORE[80]), ("b2", MORE[80])])
    found = blast_radius(traced.config, DATASET, "annotator", ["a1"])
    assert rows_of(found) == {"notes@1": {"train": 1}, "notes@2": {"train": 2}}
    assert found["examples"] == sorted(one["sample_id"] for one in (ROWS[1], MORE[80]))


def test_a_sample_is_looked_for_in_the_shards_where_it_would_be(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced.publish(ROWS)
    seen = reads(monkeypatch)
    found = blast_radius(traced.config, DATASET, "sample", [ROWS[7]["sample_id"]])
    assert rows_of(found) == {"notes@1": {"train": 1}}
    assert len(seen) == 2  # of 3 buckets and 2 splits


def test_a_shard_of_many_versions_is_read_once(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    traced.publish(ROWS, sourced=True)
    traced.publish([*ROWS, note(100)], sourced=True)
    seen, told = reads(monkeypatch), list[tuple[int, int]]()
    blast_radius(traced.config, DATASET, "source", ["chat"], lambda *progress: told.append(progress))
    assert len(seen) == len(told) == 7
    assert told[-1][0] == told[-1][1] > 0


def test_channels_that_serve_such_rows_are_named(traced: Traced) -> None:
    vouch(traced.store, traced.store.address)
    verdicts = sorted(judge(traced.config, table) for table in ("gold", "silver"))
    publish(traced.config, ROWS, verdicts=verdicts)
    channels.promote(traced.store, traced.lake, Channel(DATASET, "production"), 1, Order("ana", WHEN))
    found = blast_radius(traced.config, DATASET, "sample", [ROWS[0]["sample_id"]])
    assert [one["channels"] for one in found["versions"]] == [["production"]]


def test_runs_are_named_by_how_many_bad_rows_they_were_given(traced: Traced) -> None:
    traced.publish(ROWS, sourced=True)
    version = lakemint.open("notes@1", config=traced.config)
    with lakemint.run("all") as run:
        list(version["train"].loader(10, run=run))
    with lakemint.run("two steps") as run:
        steps = iter(version["train"].loader(5, seed=4, run=run))
        given = [name for _ in range(2) for name in next(steps)["sample_id"]]
    with lakemint.run("tested") as run:
        list(version["test"].loader(10, run=run))
    bad = {one["sample_id"] for one in ROWS if one["source"] == "chat"}
    told = blast_radius(traced.config, DATASET, "source", ["chat"])["runs"]
    assert {(one["run"], one["split"]): (one["rows"], one["of"]) for one in told} == {
        ("all", "train"): (16, 16),
        ("two steps", "train"): (len(bad & {*given}), 16),
        ("tested", "test"): (4, 4),
    }


def test_a_retired_version_is_searched_while_its_files_are_there(traced: Traced) -> None:
    traced.publish(ROWS)
    traced.publish(MORE)
    retire(traced.config)
    found = blast_radius(traced.config, DATASET, "source", ["chat"])
    assert (found["searched"], found["gone"], len(found["versions"])) == (2, [], 2)
    age(traced.config, LONG)
    sweep(traced.config)
    found = blast_radius(traced.config, DATASET, "source", ["chat"])
    assert (found["searched"], found["gone"]) == (1, ["notes@1"])
    assert rows_of(found) == {"notes@2": expected(MORE, source="chat")}


def test_a_run_that_was_given_none_is_not_named(traced: Traced) -> None:
    traced.publish(ROWS)
    with lakemint.run("short") as run:
        first = next(iter(lakemint.open("notes@1", "train", config=traced.config).loader(5, run=run)))
    missed = next(
        one for one in ROWS if one["split"] == "train" and one["sample_id"] not in first["sample_id"]
    )
    assert blast_radius(traced.config, DATASET, "sample", [missed["sample_id"]])["runs"] == []
    hit = blast_radius(traced.config, DATASET, "sample", [str(first["sample_id"][0])])
    assert [one["rows"] for one in hit["runs"]] == [1]


@checks(max_examples=40)
@given(data=st.data())
def test_rows_given_are_counted_exactly_after_erasures_too(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    traced = Traced(settings(tmp_path_factory.mktemp("blast")))
    count = data.draw(st.integers(1, 40))
    rows = [note(index) for index in range(count)]
    publish(traced.config, rows)
    numbers = st.sets(st.integers(0, count - 1))
    gone = data.draw(numbers.filter(lambda some: len(some) < count))
    seed, window = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 4))
    train = lakemint.open("notes@1", "train", config=traced.config)
    is_weighted = count > 1 and data.draw(st.booleans())
    train = train.weighted("stars") if is_weighted else train
    given: set[str] = set()
    with lakemint.run("exp-7") as run:
        size, shuffle = data.draw(st.integers(1, 9)), data.draw(st.booleans())
        loader = train.loader(size, seed=seed, window=window, shuffle=shuffle, run=run)
        for _, batch in zip(range(data.draw(st.integers(1, 8))), loader, strict=False):
            given |= {*batch["sample_id"].tolist()}
    if gone:
        erase(traced.config, sought(*(rows[index] for index in gone)))
    bad = {rows[index]["sample_id"] for index in data.draw(numbers)} - {
        rows[index]["sample_id"] for index in gone
    }
    if bad and is_weighted and gone:
        told = blast_radius(traced.config, DATASET, "sample", sorted(bad))["runs"]
        assert [one["rows"] for one in told] == [None], "what the others weighed, nobody knows any more"
    elif bad:
        told = blast_radius(traced.config, DATASET, "sample", sorted(bad))["runs"]
        assert [(one["rows"], one["of"]) for one in told if given & bad] == (
            [(len(given & bad), len(bad))] if given & bad else []
        )
        assert bool(told) == bool(given & bad)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("source", "post", "no source post; there are chat, mail, quiet"),
        ("object", "mail/7.tsv", "no object raw/notes/mail/7.tsv"),
        ("annotator", "c3", "no annotator c3; there are a1"),
        ("annotator", "eve@example.org", "annotator_key is not set"),
        ("sample", "f" * 32, "no version of notes has the sample ffff"),
    ],
)
def test_what_nobody_knows_is_refused_by_name(traced: Traced, kind: str, name: str, words: str) -> None:
    traced.publish(ROWS, [("a1", ROWS[0])])
    with pytest.raises(LakemintError, match=words):
        blast_radius(traced.config, DATASET, kind, [name])


def test_an_object_without_rows_is_known_all_the_same(traced: Traced) -> None:
    traced.publish(ROWS)
    traced.store.put(f"raw/{DATASET}/mail/empty.tsv", b"")
    assert blast_radius(traced.config, DATASET, "object", ["mail/empty.tsv"])["versions"] == []


def test_where_nothing_is_published_that_is_said(traced: Traced) -> None:
    with pytest.raises(VersionNotFound, match="no published version yet"):
        blast_radius(traced.config, DATASET, "source", ["mail"])
