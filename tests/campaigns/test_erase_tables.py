"""Erasure from real Delta tables: no byte of them has anything of the subject, and the road goes on."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config
from lakemint.delta_log import DeltaLog
from lakemint.erase.scrub import scrub
from lakemint.erase.tables import Rewritten, SubjectTables
from lakemint.erase.transforms import ERASED
from lakemint.names import TABLES, Reference, TableVersion
from lakemint.published.opened import open_published
from lakemint.spark import amend, read_table, set_properties
from lakemint.store import Store, open_store
from lakemint.subjects import Subjects
from tests.integration.small_dataset import DATASET, SmallDataset, take_road, tsv
from tests.integration.traces import objects_with
from tests.support import run_job

pytestmark = pytest.mark.timeout(1800)
WHO = "Zo\u00eb Quillfeather"
SPELLED = " Zoe\u0308   Quillfeather\u00a0"
MARK = "kumquat"
"""In every text that only the subject gave."""
COMMON = "a heron stands in the reeds at dawn"
"""Given by the subject first, and by somebody else."""
ALIKE = "the quick brown fox jumps over the lazy dog and runs back home to the green hills"
COLUMNS = ["who", "text", "kind"]
SOURCES = {name: {"format": kind, "columns": COLUMNS} for name, kind in (("mail", "tsv"), ("chat", "jsonl"))}
FILES = {"pics": {"format": "file", "path": "{who}/{text}.txt", "content": "body"}}
STRINGS = [{"name": name, "logicalType": "string"} for name in COLUMNS]
RECIPE: dict[str, Any] = {
    "refine": [{"normalize_text": {"columns": ["text"]}}, {"drop": {"empty": ["text"]}}],
    "label": {"known": "kind"},
    "near_duplicates": {"columns": ["text"], "jaccard": 0.6, "shingle": 5},
    "split": {"stratify": "kind"},
}
MAIL = [
    ("Bob", "a first letter of Bob's", "good"),
    (WHO, f"a letter about a {MARK}", "bad"),
    (SPELLED, COMMON, "good"),
    ("Bob", COMMON, "good"),
    (WHO, f"{ALIKE} {MARK}", "bad"),
    ("Bob", f"{ALIKE} again", "good"),
]
BROKEN = f"{WHO}\ta {MARK} without a kind\n"
CHAT = [(WHO, f"an early {MARK} word", "good"), ("Eve", "an early word of Eve's", "bad")]
LATER = [(f"{WHO} ", f"one more {MARK}", "good"), ("Eve", "one more of Eve's", "bad")]
AT = {"mail/a.tsv": (2, 3, 5, 7), "chat/b.jsonl": (1,), "mail/c.tsv": (1,)}
"""Where the subject's records stand."""


@pytest.fixture(scope="module")
def made(
    stack: Config, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Config, Path]]:
    """A lake with two published versions; the first has a sample of the subject that the second has not."""
    config = replace(stack, lake=f"s3://test/{uuid4().hex[:12]}")
    folder = tmp_path_factory.mktemp("schemas")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEMINT_LAKE", config.lake)
        patch.setenv("LAKEMINT_S3_ENDPOINT", config.s3_endpoint)
        notes = SmallDataset(config, spark, folder, patch)
        notes.write(SOURCES, STRINGS, STRINGS[:2], **RECIPE)
        notes.land("mail/a.tsv", (tsv(MAIL) + BROKEN).encode())
        lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in CHAT]
        notes.land("chat/b.jsonl", "\n".join(lines).encode())
        take_road()
        notes.write({"mail": SOURCES["mail"]}, STRINGS, STRINGS[:2], **RECIPE)
        notes.land("mail/c.tsv", tsv(LATER).encode())
        take_road()
    yield config, folder


@pytest.fixture
def notes(
    made: tuple[Config, Path], config: Config, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    """A copy of that lake, of the test's own."""
    source, folder = open_store(made[0]), made[1]
    dataset = SmallDataset(config, spark, folder, monkeypatch)
    copy(source, dataset.store, "raw/", "tables/", "published/", "verdicts/")
    return dataset


def copy(source: Store, to: Store, *prefixes: str) -> None:
    for prefix in prefixes:
        for item in list(source.list(prefix)):
            to.put(item.key, source.get(item.key))


def tables_of(notes: SmallDataset) -> SubjectTables:
    return SubjectTables(notes.spark, notes.store, notes.lake, DATASET, Subjects("Who", WHO))


def blank(notes: SmallDataset, at: dict[str, tuple[int, ...]]) -> list[Rewritten]:
    """Empty the subject's lines in the raw objects."""
    done = []
    for name, lines in at.items():
        key = f"raw/{DATASET}/{name}"
        data = notes.store.get(key).split(b"\n")
        before = etag(notes.store, key)
        notes.store.put(key, b"\n".join(b"" if n in lines else line for n, line in enumerate(data, 1)))
        done.append(Rewritten(key, before, etag(notes.store, key), lines))
    return done


def etag(store: Store, key: str) -> str:
    there = store.stat(key)
    assert there
    return there.etag


def published_states(notes: SmallDataset, config: Config) -> list[TableVersion]:
    return [open_published(config, Reference(DATASET, n)).manifest.inputs["silver"] for n in (1, 2)]


def places(rewritten: list[Rewritten]) -> list[Any]:
    return [place for item in rewritten for place in item.places]


def traces(notes: SmallDataset) -> list[str]:
    """Objects of the tables in which something of the subject is to be found."""
    return objects_with((MARK, "Quillfeather"), notes.store, "tables/")


def contents(notes: SmallDataset) -> dict[str, Any]:
    """Rows and note of every table."""
    log = DeltaLog(notes.store, notes.lake, DATASET)
    return {name: (sorted(map(repr, notes.rows(name))), log.need(name).note) for name in TABLES}


def conserved(notes: SmallDataset) -> dict[tuple[str, str], tuple[int, int]]:
    """(object, etag) → (records, quarantined) of the registry, which must be those of the rows."""
    said = {
        (row["object"], row["etag"]): (row["records"], row["quarantined"]) for row in notes.rows("objects")
    }
    rows = [[(r["object"], r["etag"]) for r in notes.rows(name)] for name in ("bronze", "quarantine")]
    assert {place: tuple(one.count(place) for one in rows) for place in {*rows[0], *rows[1]}} == said
    return said


def versions(notes: SmallDataset) -> dict[str, int | None]:
    return {name: notes.version(name) for name in TABLES}


def test_nothing_is_left_and_the_road_goes_on(notes: SmallDataset, config: Config) -> None:
    assert traces(notes)
    gone = TableVersion(77, "never")
    rewritten, states = blank(notes, AT), published_states(notes, config)
    tables = tables_of(notes)
    log = DeltaLog(notes.store, notes.lake, DATASET)
    notes_before = {name: log.need(name).note for name in TABLES}
    before, early = versions(notes), f"an early {MARK} word"

    held = tables.find(places(rewritten), [*states, gone])
    assert versions(notes) == before
    first = (
        read_table(notes.spark, notes.lake.table("silver", DATASET), states[0].version).toArrow().to_pylist()
    )
    theirs = {
        row["sample_id"]: row["text"] for row in first if row["who"].strip() != "Bob" and row["who"] != "Eve"
    }
    assert early in theirs.values()
    now = {
        row["sample_id"]
        for row in notes.rows("silver")
        if row["object"].endswith("c.tsv") and row["line"] == 1
    }
    assert held.samples == theirs.keys() | now
    assert gone in held.gone and not {*states} & {*held.gone}

    removed = tables.erase(held.samples, rewritten)
    assert {name: count for name, count in removed.items() if name != "objects"} == held.rows
    assert removed["bronze"] == 5
    assert (removed["quarantine"], removed["objects"], removed["silver"]) == (1, 0, 4)
    erased = versions(notes)
    assert tables.erase(held.samples, rewritten) == dict.fromkeys(TABLES, 0)
    assert versions(notes) == erased
    assert conserved(notes)[rewritten[0].object, str(rewritten[0].now)] == (3, 4)
    places_erased = {(row["object"].rpartition("/")[2], row["line"]) for row in notes.rows("quarantine")}
    assert places_erased == {
        ("a.tsv", 2),
        ("a.tsv", 3),
        ("a.tsv", 5),
        ("a.tsv", 7),
        ("b.jsonl", 1),
        ("c.tsv", 1),
    }
    assert {(row["reason"], row["head"]) for row in notes.rows("quarantine")} == {(ERASED, b"")}
    assert traces(notes)

    scrub(notes.spark, notes.store, notes.lake, DATASET)
    assert traces(notes) == []
    assert {name: log.need(name).note for name in TABLES} == notes_before
    after, keys = versions(notes), [item.key for item in notes.store.list("tables/")]
    scrubbed = scrub(notes.spark, notes.store, notes.lake, DATASET)
    assert set(scrubbed.values()) == {0}
    assert (after, keys) == (versions(notes), [item.key for item in notes.store.list("tables/")])
    found = tables.find([], states)
    assert (found.samples, {*found.rows.values()}) == (frozenset(), {0})
    assert {*states} <= {*found.gone}

    take_road()
    conserved(notes)
    assert traces(notes) == []
    assert [row["who"] for row in notes.rows("silver") if row["text"] == COMMON] == ["Bob"]
    assert lakemint.versions(DATASET)[-1] == f"{DATASET}@3"
    manifest = open_published(config, Reference(DATASET, 3)).manifest
    assert manifest.base is None
    version = lakemint.open(f"{DATASET}@3")
    rows = [row for split in version.splits for row in version[split].to_table().to_pylist()]
    assert {row["who"] for row in rows} == {"Bob", "Eve"}
    assert COMMON in {row["text"] for row in rows}


PICS = f"raw/{DATASET}/pics/"


def with_files(notes: SmallDataset) -> list[Rewritten]:
    """More of the subject: objects that are a record each, and lines of what an object was before."""
    notes.write({"mail": SOURCES["mail"], **FILES}, STRINGS, STRINGS[:2], **RECIPE)
    for who, text in ((WHO, "a pic"), ("Zz", "a pic"), (SPELLED.strip(), MARK)):
        notes.land(f"pics/{who}/{text}.txt", b"x")
    notes.land(
        "mail/c.tsv", tsv([("Eve", "again of Eve's", "good"), (WHO, f"the last {MARK}", "bad")]).encode()
    )
    run_job("ingest", DATASET)
    run_job("refine", DATASET)
    set_properties(notes.spark, notes.lake.table("bronze", DATASET), enableDeletionVectors="true")
    deleted = f"{PICS}{WHO}/a pic.txt"
    before = etag(notes.store, deleted)
    notes.store.delete(deleted)
    notes.store.delete(f"{PICS}{SPELLED.strip()}/{MARK}.txt")
    at = {**AT, "mail/c.tsv": (2,)}
    return [*blank(notes, at), Rewritten(deleted, before, None, (0,))]


def deleted_survivors(notes: SmallDataset) -> list[str]:
    """The subject's objects that rejected rows of others name."""
    rows = notes.rows("rejected", "object", "survivor_object")
    return [row["survivor_object"] for row in rows if "Quillfeather" in (row["survivor_object"] or "")]


def twin(notes: SmallDataset, config: Config, monkeypatch: pytest.MonkeyPatch) -> SmallDataset:
    """Another lake with the same tables."""
    other = replace(config, lake=f"s3://test/{uuid4().hex[:12]}")
    dataset = SmallDataset(other, notes.spark, notes.folder, monkeypatch)
    copy(notes.store, dataset.store, "tables/")
    return dataset


class Killed(BaseException):
    pass


def dying_once_at(*names: str) -> Callable[..., dict[str, int]]:
    """An `amend` that dies right after it first changed each of these tables."""
    left = {f"/{name}/" for name in names}

    def dying(rows: Any, uri: str, *others: Any) -> dict[str, int]:
        done = amend(rows, uri, *others)
        at = {name for name in left if name in uri}
        left.difference_update(at if any(done.values()) else ())
        if at - left:
            raise Killed
        return done

    return dying


def lives(work: Callable[[], Any]) -> int:
    """Run again and again until it is not killed; how often it was."""
    for life in range(100):
        with suppress(Killed):
            work()
            return life
    raise AssertionError("it never ends")


def test_killed_on_the_way_it_ends_in_the_same(
    notes: SmallDataset, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten = with_files(notes)
    held = tables_of(notes).find(places(rewritten), [])
    assert deleted_survivors(notes)
    whole = twin(notes, config, monkeypatch)
    removed = tables_of(whole).erase(held.samples, rewritten)
    assert removed["objects"] == 2
    assert not deleted_survivors(whole)
    counted = conserved(whole)
    assert not [place for place in counted if "Quillfeather" in place[0]]

    with monkeypatch.context() as patch:
        patch.setattr(
            "lakemint.erase.tables.amend",
            dying_once_at("objects", "quarantine", "clusters", "splits", "bronze"),
        )
        assert lives(lambda: tables_of(notes).erase(held.samples, rewritten)) == 5
    assert contents(notes) == contents(whole)
    expected = contents(notes)

    def half(spark: SparkSession, uri: str, note: dict[str, Any]) -> None:
        set_properties(spark, uri, checkpointInterval="1")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("lakemint.erase.scrub.checkpoint", half)
        with pytest.raises(Killed):
            scrub(notes.spark, notes.store, notes.lake, DATASET)
    killer = Killer(notes.store, deletes=9)
    assert lives(lambda: scrub(notes.spark, killer, notes.lake, DATASET)) > 3
    assert traces(notes) == []
    assert contents(notes) == expected
    log = DeltaLog(notes.store, notes.lake, DATASET)
    assert not any(log.remembers(name) for name in TABLES)
    run_job("ingest", DATASET)
    run_job("refine", DATASET)
    assert conserved(notes) == counted
    assert {row["who"] for row in notes.rows("silver")} == {"Bob", "Eve", "Zz"}


class Killer:
    """A store that dies after some deletions, again and again."""

    def __init__(self, store: Store, deletes: int) -> None:
        self._store, self._deletes, self._left = store, deletes, deletes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        self._left -= 1
        if not self._left:
            self._left = self._deletes
            raise Killed


def test_what_was_ingested_anew_in_between_stands_for_the_old(notes: SmallDataset) -> None:
    rewritten = blank(notes, {"mail/a.tsv": AT["mail/a.tsv"]})
    samples = tables_of(notes).find(places(rewritten), []).samples
    run_job("ingest", DATASET)
    tables_of(notes).erase(samples, rewritten)
    item, there = rewritten[0], conserved(notes)
    assert (item.object, item.before) not in there
    assert there[item.object, str(item.now)] == (3, 4)
    again = tables_of(notes).erase(samples, rewritten)
    assert not any(again.values())
    run_job("refine", DATASET)
    assert [row["who"] for row in notes.rows("silver") if row["text"] == COMMON] == ["Bob"]


def test_before_anything_was_ingested_there_is_nothing(notes: SmallDataset) -> None:
    for name in TABLES:
        notes.remove(name)
    tables = tables_of(notes)
    assert tables.find([], []).rows == {}
    assert tables.erase([], []) == {}
    assert scrub(notes.spark, notes.store, notes.lake, DATASET) == {}
