"""A version that grows out of the one before holds the rows that one written anew would hold."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.errors import ConservationError, IntegrityError
from lakemint.lake import Lake
from lakemint.publish.increment import (
    OVERLAYS,
    Place,
    counted,
    shards_by_place,
    splits_after,
    splits_of,
    written_anew,
)
from lakemint.publish.shards import encode
from lakemint.published.apart import apart
from lakemint.published.columns import arrow_schema
from lakemint.published.content import content_of, total
from lakemint.published.records import FileRecord, Manifest, SplitRecord
from lakemint.published.shards import GONE, label_counts, read, read_file
from lakemint.store import FolderStore, Store
from tests.model.memory import MemoryStore
from tests.unit.small_version import manifest_and_shards

COLUMNS = (("sample_id", "string"), ("text", "string"), ("label", "string"))
OVER = (*COLUMNS, (GONE, "bool"))
KEY_OF = partial(Lake("file:///lake").shard, "notes")
NEVER = 10**9
"""Bytes that no shard here has: each is written anew."""

Row = tuple[str, str, str | None]
"""Split, label, text."""
Rows = dict[str, Row]

samples = st.integers(0, 30).map(lambda number: hashlib.sha256(b"%d" % number).hexdigest()[:8])
rows_of_samples = st.tuples(
    st.sampled_from(["train", "test"]), st.sampled_from("ab"), st.none() | st.text(max_size=3)
)
steps = st.lists(st.dictionaries(samples, st.none() | rows_of_samples, max_size=9), min_size=1, max_size=12)
"""For each version the samples that change: to a row or, if None, that go."""


def place_of(sample_id: str, row: Row) -> Place:
    return row[0], int(sample_id, 16) % 3


def edits(before: Rows, after: Rows) -> Iterator[dict[str, Any]]:
    """What `lakemint.publish.transforms.changes` makes of a change feed."""
    for sample_id in before.keys() | after.keys():
        was, now = before.get(sample_id), after.get(sample_id)
        if was == now:
            continue
        kept = was is not None and now is not None and was[0] == now[0]
        if was is not None and not kept:
            split, bucket = place_of(sample_id, was)
            gone = {"gone": True, "kept": False, "before": was[1], "label": None, "text": None}
            yield {"sample_id": sample_id, "split": split, "bucket": bucket, **gone}
        if now is not None:
            split, bucket = place_of(sample_id, now)
            came = {"gone": False, "kept": kept, "before": was[1] if was and kept else None}
            values = {"label": now[1], "text": now[2]}
            yield {"sample_id": sample_id, "split": split, "bucket": bucket, **came, **values}


class Versions:
    """Versions in a store, each grown out of the one before; `small` as in `written_anew`."""

    def __init__(self, store: Store, small: int = 0) -> None:
        self.store, self.small = store, small
        self.manifest: Manifest = manifest_and_shards([], COLUMNS)[0]
        self.rows: Rows = {}
        self.anew: set[Place] = set()

    def publish(self, rows: Rows) -> None:
        """Go on from the newest version."""
        told = [{**edit, "rows": 1} for edit in edits(self.rows, rows)]
        changes = counted(told)
        self.anew = written_anew(self.manifest, changes, self.small)
        over = {
            place: FileRecord(**self._store(OVER, [edit for edit in told if _place(edit) == place]))
            for place in changes.entries.keys() - self.anew
        }
        whole = {}
        for place in self.anew:
            held = [row for one, row in _plain(rows) if one == place]
            if held:
                whole[place] = {"bucket": place[1], **self._store(COLUMNS, held)}
        contents = {
            split: total([_content(rows, split)], [_content(self.rows, split)]) for split in ("train", "test")
        }
        splits = splits_after(self.manifest, changes, contents, whole, over)
        self.manifest, self.rows = self.manifest.model_copy(update={"splits": splits}), rows

    def read(self, split: SplitRecord) -> list[pa.RecordBatch]:
        return [read(self.store, KEY_OF, shard, arrow_schema(COLUMNS)) for shard in split.shards]

    def _store(self, columns: tuple[tuple[str, str], ...], rows: list[dict[str, Any]]) -> dict[str, Any]:
        named = [{name: {**row, GONE: row.get("gone")}[name] for name, _ in columns} for row in rows]
        data = encode(pa.Table.from_pylist(named, schema=arrow_schema(columns)), columns)
        digest = hashlib.sha256(data).hexdigest()
        self.store.put(KEY_OF(digest), data)
        return {"sha256": digest, "bytes": len(data), "rows": len(rows)}


def in_memory() -> Store:
    return MemoryStore({}, lambda: datetime.now(UTC))


def _content(rows: Rows, split: str) -> str:
    held = [row for place, row in _plain(rows) if place[0] == split]
    return content_of(pa.Table.from_pylist(held, schema=arrow_schema(COLUMNS)))


def _place(edit: dict[str, Any]) -> Place:
    return edit["split"], edit["bucket"]


def _plain(rows: Rows) -> Iterator[tuple[Place, dict[str, Any]]]:
    for sample_id, row in sorted(rows.items()):
        yield place_of(sample_id, row), {"sample_id": sample_id, "text": row[2], "label": row[1]}


@settings(max_examples=60)
@given(steps=steps, small=st.sampled_from([0, NEVER]))
def test_every_version_holds_its_rows_sorted_and_counts_them(
    steps: list[dict[str, Row | None]], small: int
) -> None:
    versions = Versions(in_memory(), small)
    rows: Rows = {}
    for step in steps:
        rows = {one: row for one, row in {**rows, **step}.items() if row is not None}
        versions.publish(rows)
        for name in ("train", "test"):
            expected = [row for place, row in _plain(rows) if place[0] == name]
            split = versions.manifest.splits[name]
            found = versions.read(split)
            by_bucket = sorted(expected, key=lambda row: int(row["sample_id"], 16) % 3)
            assert [row for batch in found for row in batch.to_pylist()] == by_bucket
            assert (split.rows, split.labels) == (
                len(expected),
                dict(Counter(row["label"] for row in expected)),
            )
            assert all(len(shard.overlays) <= OVERLAYS for shard in split.shards)


@settings(max_examples=60)
@given(steps=steps, small=st.sampled_from([0, NEVER]))
def test_rows_that_differ_between_versions_are_found_without_comparing_the_others(
    steps: list[dict[str, Row | None]], small: int
) -> None:
    versions = Versions(in_memory(), small)
    history = [(versions.manifest, versions.rows)]
    for step in steps:
        rows = {one: row for one, row in {**versions.rows, **step}.items() if row is not None}
        versions.publish(rows)
        history.append((versions.manifest, rows))
    content = partial(read_file, versions.store, KEY_OF)
    for (old, before), (new, after) in ((history[-2], history[-1]), (history[0], history[-1])):
        found = [(one.split, one.rows(content, KEY_OF, arrow_schema(COLUMNS))) for one in apart(old, new)]
        for side, whole, other in ((0, before, after), (1, after, before)):
            met = {
                row["sample_id"]: (split, row["label"], row["text"])
                for split, sides in found
                if (batch := sides[side]) is not None
                for row in batch.to_pylist()
            }
            assert met.items() <= whole.items()
            assert met.keys() >= {one for one, row in whole.items() if other.get(one) != row}


def test_of_a_shard_with_a_new_overlay_only_the_rows_that_it_names_are_compared() -> None:
    versions = Versions(in_memory())
    versions.publish(many(3000))
    before = versions.manifest
    versions.publish({**versions.rows, "00000007": ("train", "b", "x")})
    content = partial(read_file, versions.store, KEY_OF)
    (one,) = apart(before, versions.manifest)
    was, now = one.rows(content, KEY_OF, arrow_schema(COLUMNS))
    assert [side and side.column("sample_id").to_pylist() for side in (was, now)] == [["00000007"]] * 2


def many(count: int, text: str = "x") -> Rows:
    return {f"{number:08x}": ("train", "a", text) for number in range(count)}


def test_a_change_costs_what_it_is_large_and_shards_are_written_anew_in_time() -> None:
    versions = Versions(in_memory())
    versions.publish(many(3000))
    whole = sum(shard.stored for shard in versions.manifest.shards)
    written = [whole]
    for number in range(40):
        before = {file.sha256 for shard in versions.manifest.shards for file in shard.files}
        changed = {f"{(number * 30 + row) % 3000:08x}": ("train", "b", f"v{number}") for row in range(30)}
        versions.publish({**versions.rows, **changed})
        files = [file for shard in versions.manifest.shards for file in shard.files]
        written.append(sum(file.bytes for file in files if file.sha256 not in before))
        assert sum(file.rows for shard in versions.manifest.shards for file in shard.overlays) <= 0.25 * 3000
    # 1 % of the rows, and a header for each of three files; each shard was written anew now and then.
    overlays = [size for size in written[1:] if size < 0.1 * whole]
    assert max(overlays) < 0.06 * whole
    assert len(overlays) >= 32
    assert len(overlays) < 40


def test_rows_that_do_not_add_up_are_no_version() -> None:
    versions = Versions(in_memory())
    versions.publish(many(9))
    told = {"split": "train", "bucket": 0, "gone": False, "kept": False, "before": None, "label": "a"}
    changes = counted([{**told, "rows": 2}])
    lost = {"bucket": 0, "sha256": "0" * 64, "bytes": 9, "rows": 4}
    with pytest.raises(ConservationError, match=r"bucket 0 of train should have 5 rows .* and has 4"):
        splits_after(versions.manifest, changes, {}, {("train", 0): lost}, {})


def test_an_overlay_that_was_changed_is_named(tmp_path: Path) -> None:
    versions = Versions(FolderStore(tmp_path))
    versions.publish(many(300))
    versions.publish({**many(300), "00000003": ("train", "b", "y")})
    (over,) = [file for shard in versions.manifest.shards for file in shard.overlays]
    path = tmp_path / KEY_OF(over.sha256)
    path.write_bytes(path.read_bytes().replace(b"y", b"z"))
    with pytest.raises(IntegrityError, match=over.sha256):
        versions.read(versions.manifest.splits["train"])


def test_labels_are_counted_as_in_the_rows() -> None:
    versions = Versions(in_memory())
    versions.publish(many(300))
    versions.publish({**many(300), "00000003": ("test", "b", "y"), "00000004": ("train", "b", "y")})
    for split in versions.manifest.splits.values():
        counts: Counter[str] = Counter()
        for batch in versions.read(split):
            counts.update(label_counts(batch))
        assert split.labels == counts


def test_what_was_erased_leaves_no_gap_in_the_next_version() -> None:
    versions = Versions(in_memory(), NEVER)
    rows: Rows = {f"{number:08x}": ("train", "a", None) for number in range(9)}
    versions.publish(rows)
    split = versions.manifest.splits["train"]
    emptied, *others = split.shards
    gaps = [emptied.model_copy(update={"rows": 0, "erased": [0, 1, 2]})]
    gaps += [one.model_copy(update={"rows": one.rows - 1, "erased": [1]}) for one in others]
    erased = split.model_copy(update={"shards": gaps, "rows": 4})
    manifest = versions.manifest.model_copy(update={"splits": {**versions.manifest.splits, "train": erased}})
    assert [one.erased for one in splits_of(manifest)["train"].shards] == [[], []]
    there = {place: one.erased for place, one in shards_by_place(manifest).items()}
    assert there == {("train", 1): [], ("train", 2): []}
