"""Verifying: a published version is sound, and whatever is wrong with one is named."""

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.digest import canonical
from lakemint.errors import VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.publish.keep import keep
from lakemint.published.records import ColumnRecord, ShardRecord, SplitRecord
from lakemint.published.verify import Verified, verify
from lakemint.store import open_store
from tests.unit.small_version import DATASET, Row, manifest_and_shards, publish, publish_judged, rewrite, row
from tests.unit.small_version import settings as lake_in

ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]
FIRST = Reference(DATASET, 1)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return lake_in(tmp_path)


def stored(config: Config, pattern: str = "*/*") -> list[Path]:
    return sorted(Path(config.lake.removeprefix("file://")).glob(f"published/notes/{pattern}"))


def key_of(path: Path) -> str:
    return f"published/notes/{path.parent.name}/{path.name}"


def test_the_first_manifests_which_name_versions_of_tables_by_number_are_read(config: Config) -> None:
    publish(config, ROWS)
    (path,) = stored(config, "manifests/*")
    content = json.loads(path.read_bytes())
    content["inputs"] = {table: at["version"] for table, at in content["inputs"].items()}
    data = canonical(content)
    path.with_name(f"{hashlib.sha256(data).hexdigest()}.json").write_bytes(data)
    rewrite(stored(config, "versions/*")[0], manifest=hashlib.sha256(data).hexdigest())
    assert verify(config, FIRST).sound
    assert publish(config, ROWS)[0].version == 2


def problems(config: Config) -> list[tuple[str, str]]:
    """(file name, what) of each."""
    return [(Path(one.key).name, one.what) for one in verify(config, FIRST).problems]


def publish_shards(config: Config, shards: list[bytes], rows: list[int], labels: dict[str, int]) -> None:
    """A version whose only split has these very shards, whatever they hold."""
    lake, store = Lake(config.lake), open_store(config)
    records = []
    for data, count in zip(shards, rows, strict=True):
        records.append(ShardRecord(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), rows=count))
        keep(store, lake.shard(DATASET, records[-1].sha256), data)
    split = SplitRecord(rows=sum(rows), labels=labels, shards=records)
    counts = manifest_and_shards([])[0].counts.model_copy(update={"raw": sum(rows), "published": sum(rows)})
    publish(config, [], changed={"splits": {"train": split}, "counts": counts})


def arrow_file(rows: list[Row], schema: dict[str, pa.DataType] | None = None, copies: int = 1) -> bytes:
    """An Arrow file of the rows as they come."""
    fields = schema or {
        "sample_id": pa.string(),
        "text": pa.string(),
        "stars": pa.int64(),
        "label": pa.string(),
    }
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        for _ in range(copies):
            writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def test_what_was_published_is_sound(config: Config) -> None:
    publish(config, ROWS)
    told: list[tuple[int, int]] = []
    found = verify(config, FIRST, lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in stored(config, "shards/*"))
    digest = lakemint.open("notes@1", config=config).digest
    assert found == Verified("notes@1", digest, shards=6, bytes=size, rows=40, problems=[])
    assert (told[-1], len(told)) == ((size, size), 6)


def test_what_it_was_made_and_judged_by_is_there_and_as_it_was(config: Config) -> None:
    publish_judged(config, ROWS)
    assert verify(config, FIRST).sound
    documents = stored(config, "documents/*")
    verdicts = sorted(Path(config.lake.removeprefix("file://")).glob("verdicts/notes/*/*/*.json"))
    assert (len(documents), len(verdicts)) == (2, 2)
    documents[0].write_bytes(b"{}")
    documents[1].unlink()
    verdicts[0].write_bytes(verdicts[0].read_bytes().replace(b'"broken":0', b'"broken":1'))
    found = dict(problems(config))
    assert "not the bytes that were kept" in found[documents[0].name]
    assert "is gone; restore it from a copy" in found[documents[1].name]
    assert re.match(r"no verdict [0-9a-f]{64} that it binds, or changed since", found["notes"])


def test_rows_that_are_not_those_of_its_content_are_named(config: Config) -> None:
    splits = manifest_and_shards(ROWS)[0].splits
    other = splits["train"].model_copy(update={"content": "0" * 64})
    unsaid = splits["test"].model_copy(update={"content": None})
    publish(config, ROWS, changed={"splits": {**splits, "train": other, "test": unsaid}})
    ((_, what),) = problems(config)
    assert what.startswith(f"split train: its content is not that of its shards: {'0' * 64}, found ")


def test_a_version_without_rows_or_labels_is_sound(config: Config) -> None:
    publish(config, [])
    assert verify(config, FIRST).sound
    publish(config, ROWS, (("text", "string"), ("sample_id", "string")))
    assert verify(config, Reference(DATASET, 2)).sound


def test_a_version_that_is_not_there_is_an_error_that_names_those_that_are(config: Config) -> None:
    publish(config, ROWS)
    with pytest.raises(VersionNotFound, match="notes@7: no such version; there is notes@1"):
        verify(config, Reference(DATASET, 7))


values: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "split": st.sampled_from(("train", "validation", "test")),
        "bucket": st.integers(0, 2),
        "label": st.text(max_size=3),
        "text": st.none() | st.text(max_size=9),
        "stars": st.none() | st.integers(-5, 5),
    }
)
version_rows = st.dictionaries(st.integers(0, 50), values, min_size=1, max_size=12).map(
    lambda drawn: [row(index, **fields) for index, fields in drawn.items()]
)


@settings(max_examples=25)
@given(rows=version_rows, data=st.data())
def test_any_version_is_sound_until_one_byte_is_flipped_then_its_object_is_named(
    rows: list[Row], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = lake_in(Path(folder))
        publish(config, rows)
        assert verify(config, FIRST).problems == []
        path = data.draw(st.sampled_from(stored(config)))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        assert key_of(path) in [problem.key for problem in verify(config, FIRST).problems]


def test_every_byte_of_a_version_record_counts(config: Config) -> None:
    """Nothing else has its digest, so it vouches for itself: for its time as well, and its seal's name."""
    publish(config, [])
    path = stored(config, "versions/*")[0]
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert key_of(path) in [problem.key for problem in verify(config, FIRST).problems], place


def test_a_record_from_before_seals_is_sound(config: Config) -> None:
    publish(config, ROWS)
    path = stored(config, "versions/*")[0]
    old = {name: value for name, value in json.loads(path.read_bytes()).items() if name != "seal"}
    path.write_bytes(canonical(old))
    assert verify(config, FIRST).sound
    path.write_bytes(canonical({**old, "note": "of a later time"}))
    assert problems(config) == [(path.name, "changed since it was written; restore the object from a copy")]


def test_a_record_under_another_number_is_named(config: Config) -> None:
    publish(config, ROWS)
    publish(config, ROWS[1:])
    first, second = stored(config, "versions/*")
    first.write_bytes(second.read_bytes())
    assert problems(config) == [("00000001.json", "it is the record of notes@2")]


def test_everything_that_is_wrong_is_named_not_only_the_first(config: Config) -> None:
    publish(config, ROWS)
    gone, longer, shorter, other, *sound = stored(config, "shards/*")
    gone.unlink()
    longer.write_bytes(longer.read_bytes() + b"x")
    shorter.write_bytes(shorter.read_bytes()[:-1])
    other.write_bytes(other.read_bytes()[::-1])
    assert len(sound) == 2
    found = dict(problems(config))
    assert set(found) == {path.name for path in (gone, longer, shorter, other)}
    assert "is gone" in found[gone.name]
    assert f"more than {longer.stat().st_size - 1:,} bytes" in found[longer.name]
    assert f"{shorter.stat().st_size:,} bytes, {shorter.stat().st_size + 1:,} were" in found[shorter.name]
    assert "not the bytes that were published" in found[other.name]


def test_the_stores_bytes_are_read_and_no_copy_of_them(config: Config) -> None:
    publish(config, ROWS)
    lakemint.open("notes@1", split="train", config=config).to_table()
    for path in stored(config, "shards/*"):
        path.write_bytes(b"")
    assert len(problems(config)) == 6


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_manifest_that_is_not_the_published_one_is_named(config: Config, harm: str) -> None:
    publish(config, ROWS)
    path = stored(config, "manifests/*")[0]
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b'"rows":32', b'"rows":33'))
    found = verify(config, FIRST)
    assert [problem.key for problem in found.problems] == [key_of(path)]
    assert (found.digest, found.shards, found.rows) == (path.stem, 0, 0)


def test_a_manifest_that_contradicts_itself_says_where(config: Config) -> None:
    manifest, _ = manifest_and_shards(ROWS)
    train = manifest.splits["train"].model_copy(update={"rows": 31})
    counts = manifest.counts.model_copy(update={"rejected": 3})
    publish(config, ROWS, changed={"splits": {**manifest.splits, "train": train}, "counts": counts})
    assert [what for _, what in problems(config)] == [
        "split train: 31 rows, its shards 32 by the same manifest",
        "40 rows published, its splits have 39",
        "40 raw records, but 43 published, unlabeled, rejected, quarantined and erased ones",
    ]


def test_labels_are_counted_again(config: Config) -> None:
    manifest, _ = manifest_and_shards(ROWS)
    assert manifest.splits["train"].labels == {"a": 16, "b": 16}
    train = manifest.splits["train"].model_copy(update={"labels": {"a": 17, "c": 15}})
    publish(config, ROWS, changed={"splits": {**manifest.splits, "train": train}})
    (name, what), *others = problems(config)
    assert not others
    assert name.endswith(".json")
    assert what == (
        "split train: its labels are not those of its shards: 'a' 17, found 16, 'c' 15, found 0; "
        "rows of labels it does not name: 16 ('b', …)"
    )


def test_a_shard_with_other_rows_or_columns_than_the_manifests_is_named(config: Config) -> None:
    rows = sorted((row(index) for index in range(4)), key=lambda one: str(one["sample_id"]))
    kinds = {"sample_id": pa.string(), "text": pa.string(), "stars": pa.int32(), "label": pa.string()}
    shards = {
        "3 rows, the manifest says 4": arrow_file(rows[:3]),
        "columns are not those the manifest names: they differ in stars int32, stars int64": arrow_file(
            rows[3:], kinds
        ),
        "2 record batches, a shard has one": arrow_file(rows[3:], copies=2),
        "not a sound Arrow file": b"ARROW1 not",
    }
    publish_shards(config, list(shards.values()), [4, 1, 2, 1], {"a": 2, "b": 1})
    found = [what for name, what in problems(config) if name.endswith(".arrow")]
    assert len(found) == len(shards)
    for words, what in zip(shards, found, strict=True):
        assert words in what


def test_rows_out_of_order_are_named(config: Config) -> None:
    rows = sorted((row(index) for index in range(4)), key=lambda one: str(one["sample_id"]))
    publish_shards(config, [arrow_file([rows[1], rows[0], *rows[2:]])], [4], {"a": 2, "b": 2})
    assert [what for _, what in problems(config)] == ["its rows are not sorted by sample_id"]


def test_samples_that_are_there_twice_are_named_wherever_they_are(config: Config) -> None:
    rows = sorted((row(index) for index in range(6)), key=lambda one: str(one["sample_id"]))
    across = rows[1]["sample_id"]
    within = rows[5]["sample_id"]
    shards = [arrow_file(rows[:2]), arrow_file(rows[1:4]), arrow_file([rows[4], rows[5], rows[5]])]
    labels = {"a": 0, "b": 0}
    for one in (*rows, rows[1], rows[5]):
        labels[one["label"]] += 1
    publish_shards(config, shards, [2, 3, 3], labels)
    assert [what for _, what in problems(config)] == [
        f"rows whose sample_id the version has more than once: 1 ('{across}')",
        f"rows whose sample_id the version has more than once: 1 ('{across}')",
        f"rows whose sample_id the version has more than once: 2 ('{within}', '{within}')",
    ]


def test_rows_without_an_id_are_named(config: Config) -> None:
    publish_shards(config, [arrow_file([row(1), row(2, sample_id=None)])], [2], {"a": 1, "b": 1})
    assert [what for _, what in problems(config)] == ["rows without a sample_id: 1"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([("sample_id", "string"), ("x", "tensor")], "column x: .*'tensor'; upgrade"),
        ([("sample_id", "string"), ("x", "int64"), ("x", "int32")], "the column 'x' is there 2 times"),
        ([("sample_id", "int64")], "no column sample_id of strings"),
        ([], "no column sample_id"),
    ],
)
def test_a_schema_that_none_can_have_is_named_and_bytes_are_still_checked(
    config: Config, columns: list[tuple[str, str]], words: str
) -> None:
    named = [ColumnRecord(name=name, type=kind) for name, kind in columns]
    publish(config, ROWS, changed={"columns": named})
    path = stored(config, "shards/*")[0]
    path.write_bytes(b"")
    (manifest, what), (shard, _) = problems(config)
    assert manifest.endswith(".json")
    assert shard == path.name
    assert re.search(words, what)


def test_a_manifest_that_promises_a_monstrous_shard_is_not_believed(config: Config) -> None:
    manifest, _ = manifest_and_shards(ROWS)
    test = manifest.splits["test"]
    monster = test.shards[0].model_copy(update={"bytes": 2**50})
    split = test.model_copy(update={"shards": [monster, *test.shards[1:]]})
    publish(config, ROWS, changed={"splits": {**manifest.splits, "test": split}})
    ((name, what),) = problems(config)
    assert name == f"{monster.sha256}.arrow"
    assert "1,125,899,906,842,624 bytes by the manifest" in what
