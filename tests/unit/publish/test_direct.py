"""Versions built by this process alone, from tables in a folder: what they hold, and what is refused."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from lakemint.config import Config
from lakemint.errors import ConservationError, IntegrityError
from lakemint.lake import Lake
from lakemint.names import SPLITS, TableVersion
from lakemint.publish import conservation, growth
from lakemint.publish.build import Builder, manifest_from
from lakemint.publish.direct_source import DirectSource
from lakemint.publish.increment import SMALL
from lakemint.publish.manifest import Basis
from lakemint.publish.plain import NotPlain
from lakemint.published.records import Manifest
from lakemint.published.shards import read, schema_of
from lakemint.store import open_store
from tests.unit.delta_table import DeltaTable

DATASET, BUCKETS = "notes", 2
SCHEMA = pa.schema([(name, pa.string()) for name in ("sample_id", "text", "label", "split")])

Rows = dict[str, tuple[str, str, str]]
"""Id → text, label and split."""


def table_of(rows: Rows, *changes: str) -> pa.Table:
    listed = [dict(zip(SCHEMA.names, (one, *row), strict=True)) for one, row in rows.items()]
    table = pa.Table.from_pylist(listed, schema=SCHEMA)
    return table.append_column("_change_type", pa.array([*changes])) if changes else table


def some(count: int, text: str = "x") -> Rows:
    ids = [hashlib.sha256(b"%d" % number).hexdigest()[:32] for number in range(count)]
    return {one: (text, "ab"[number % 2], SPLITS[number % 3]) for number, one in enumerate(ids)}


class Notes:
    """The dataset: of all samples in silver those in gold are published."""

    def __init__(self, folder: Path, gold: Rows, unlabeled: int = 2) -> None:
        self.config = Config(lake=f"file://{folder / 'lake'}")
        self.lake, self.store = Lake(self.config.lake), open_store(self.config)
        self.tables = {
            name: DeltaTable(self.store, self.lake, DATASET, name)
            for name in ("objects", "quarantine", "rejected", "silver", "labels", "gold")
        }
        silver = [*gold, *(f"unlabeled {number}" for number in range(unlabeled))]
        self.begin("objects", pa.table({"records": [len(silver) + 1, None], "quarantined": [3, None]}))
        self.begin("quarantine", pa.table({"line": [1, 2, 3]}))
        self.begin("rejected", pa.table({"sample_id": ["r"]}))
        self.begin("silver", pa.table({"sample_id": silver}))
        self.begin("labels", pa.table({"sample_id": [*gold]}))
        self.rows = gold
        self.file = self.tables["gold"].begin(table_of(gold))

    def begin(self, name: str, rows: pa.Table) -> None:
        self.tables[name].begin(rows)

    def change(self, after: Rows) -> None:
        """Bring gold to these rows, as a MERGE does."""
        gold, before = self.tables["gold"], self.rows
        told = [("delete", one, before[one]) for one in before if one not in after]
        told += [("insert", one, after[one]) for one in after if one not in before]
        for one in (one for one in after if one in before and before[one] != after[one]):
            told += [("update_preimage", one, before[one]), ("update_postimage", one, after[one])]
        changes = [table_of({one: row}, kind) for kind, one, row in told]
        added = gold.add(table_of(after))
        gold.commit(gold.remove(self.file), added, *(gold.cdc(one) for one in changes))
        self.rows, self.file = after, added

    def basis(self) -> Basis:
        inputs = {name: TableVersion(one.version, f"txn-{one.version}") for name, one in self.tables.items()}
        return Basis(DATASET, "c" * 64, "d" * 64, "0.1.0", inputs, ["e" * 64])

    def build(self, base: Manifest | None = None) -> Manifest:
        basis = self.basis()
        source = DirectSource(self.config, basis, BUCKETS)
        return manifest_from(source, basis, {}, SPLITS, base, buckets=BUCKETS)

    def held(self, manifest: Manifest) -> Rows:
        """What a manifest's shards hold."""
        schema = schema_of(manifest, "")
        return {
            row["sample_id"]: (row["text"], row["label"], name)
            for name, split in manifest.splits.items()
            for shard in split.shards
            for row in read(self.store, self.key_of, shard, schema).to_pylist()
        }

    def key_of(self, digest: str) -> str:
        return self.lake.shard(DATASET, digest)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path, some(30))


def edited(rows: Rows) -> Rows:
    """One sample went, one came, one moved, one has another label, and one another text."""
    _gone, moved, relabeled, changed, *rest = rows
    after = {one: rows[one] for one in rest}
    after["f" * 32] = ("new", "a", "train")
    after[moved] = (*rows[moved][:2], "train")
    after[relabeled] = (rows[relabeled][0], "c", rows[relabeled][2])
    after[changed] = ("other", *rows[changed][1:])
    return after


def test_a_version_holds_gold_and_counts_where_the_records_went(notes: Notes) -> None:
    manifest = notes.build()
    assert notes.held(manifest) == notes.rows
    assert manifest.counts.model_dump() == {
        "raw": 33 + 3,
        "quarantined": 3,
        "rejected": 1,
        "unlabeled": 2,
        "published": 30,
    }
    assert manifest.digest == notes.build().digest
    assert all(shard.rows for shard in manifest.shards)
    labels = [row[1] for row in notes.rows.values() if row[2] == "train"]
    assert manifest.splits["train"].labels == {one: labels.count(one) for one in {*labels}}


def test_gold_of_no_rows_is_a_version_of_no_shards(tmp_path: Path) -> None:
    notes = Notes(tmp_path, {})
    manifest = notes.build()
    assert (manifest.shards, manifest.counts.published, manifest.counts.unlabeled) == ([], 0, 2)
    notes.tables["gold"].commit(notes.tables["gold"].remove(notes.file))
    assert notes.build().splits == manifest.splits


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_what_changed_is_all_that_is_written(
    notes: Notes, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """However many buckets are worked on at once."""
    monkeypatch.setattr(growth, "_AT_ONCE", at_once)
    first = notes.build()
    before = notes.rows
    notes.change(edited(before))
    notes.change(before)
    notes.change(edited(before))
    notes.tables["silver"].commit(notes.tables["silver"].add(pa.table({"sample_id": ["f" * 32]})))
    objects = notes.tables["objects"]
    objects.commit(objects.add(pa.table({"records": [1], "quarantined": [0]})))
    second = notes.build(first)
    assert second.base == first.digest
    assert notes.held(second) == notes.rows
    assert notes.held(first) == before
    assert (second.counts.published, second.counts.unlabeled) == (30, 3)
    anew = notes.build()
    assert {name: (one.rows, one.labels) for name, one in second.splits.items()} == {
        name: (one.rows, one.labels) for name, one in anew.splits.items()
    }


def test_large_shards_get_overlays_and_a_second_look_changes_nothing(tmp_path: Path) -> None:
    notes = Notes(tmp_path, some(60, "x" * (SMALL // 8)))
    first = notes.build()
    one = next(iter(notes.rows))
    notes.change({**notes.rows, one: ("short", "a", notes.rows[one][2])})
    second = notes.build(first)
    (over,) = [shard for shard in second.shards if shard.overlays]
    assert over.sha256 in {shard.sha256 for shard in first.shards}
    assert notes.held(second) == notes.rows
    assert notes.build(first).digest == second.digest


def test_what_is_damaged_in_the_base_is_made_again_of_gold(notes: Notes) -> None:
    first = notes.build()
    notes.change({one: (row[0] + "!", *row[1:]) for one, row in notes.rows.items()})
    second = notes.build(first)
    for shard in first.shards:
        where = notes.key_of(shard.sha256)
        notes.store.put(where, notes.store.get(where)[::-1])
    assert notes.build(first).digest == second.digest
    assert notes.held(second) == notes.rows


@pytest.mark.parametrize("at_once", [1, 7, 10**9])
def test_ids_are_compared_in_parts_where_they_are_many(
    notes: Notes, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(conservation, "_AT_ONCE", at_once)
    assert notes.build().counts.unlabeled == 2


def test_a_sample_that_is_not_in_silver_is_a_record_too_many(notes: Notes) -> None:
    gold = notes.tables["gold"]
    gold.commit(gold.add(table_of({"from nowhere": ("x", "a", "train")})))
    with pytest.raises(ConservationError, match="36 raw records ≠ 31 published"):
        notes.build()


def test_without_an_id_a_sample_is_unlabeled(notes: Notes) -> None:
    silver, objects = notes.tables["silver"], notes.tables["objects"]
    silver.commit(silver.add(pa.table({"sample_id": pa.array([None], pa.string())})))
    objects.commit(objects.add(pa.table({"records": [1], "quarantined": [0]})))
    assert notes.build().counts.unlabeled == 3


def test_where_the_samples_are_the_same_those_of_silver_are_not_read_again(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = notes.build()
    monkeypatch.setattr(conservation, "_only_in", None)
    one = next(iter(notes.rows))
    notes.change({**notes.rows, one: ("other", "b", "test")})
    assert notes.build(first).counts == first.counts
    erased = first.model_copy(update={"revises": "f" * 64})
    with pytest.raises(TypeError):
        notes.build(erased)


@pytest.mark.parametrize("column", ["sample_id", "split"])
def test_rows_of_no_place_are_left_to_spark(notes: Notes, column: str) -> None:
    rows = table_of({"x": ("t", "a", "train")})
    nothing = rows.set_column(SCHEMA.get_field_index(column), column, pa.array([None], pa.string()))
    gold = notes.tables["gold"]
    gold.commit(gold.add(nothing))
    objects = notes.tables["objects"]
    objects.commit(objects.add(pa.table({"records": [1], "quarantined": [0]})))
    with pytest.raises(NotPlain, match="gold has rows"):
        notes.build()


def test_what_is_not_plain_is_built_by_spark(
    notes: Notes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lakemint.publish.direct_source.LARGEST", 10)
    monkeypatch.setattr("lakemint.publish.spark_source.spark_session", None)
    with pytest.raises(TypeError):
        Builder(notes.config, BUCKETS).build(notes.basis(), {}, SPLITS, None)
    assert capsys.readouterr().out.startswith("read by Spark: gold has ")


def test_a_damaged_table_is_named(notes: Notes) -> None:
    (file,) = notes.store.sizes(notes.tables["gold"].root + "part")
    notes.store.put(file[0], b"nothing")
    with pytest.raises(IntegrityError, match=r"gold/notes/part-1\.parquet: not a sound Parquet file"):
        Builder(notes.config, BUCKETS).build(notes.basis(), {}, SPLITS, None)
