"""The files of a table, from logs as Delta's protocol has them, and logs that only Spark may read."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakemint.errors import IntegrityError
from lakemint.lake import Lake
from lakemint.publish.plain import NotPlain
from lakemint.publish.table_files import TableFiles
from lakemint.store import FolderStore
from tests.unit.delta_table import Action, DeltaTable

ROWS = pa.table({"sample_id": ["a"], "label": ["x"]})
UUID = "80a083e8-7026-4e79-81be-64bd76c43a11"


class Notes(DeltaTable):
    """Gold of `notes`; `keys` are the files that a version has."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(f"file://{folder}")
        super().__init__(FolderStore(folder), self.lake, "notes", "gold")
        self.reader = TableFiles(self.store, self.lake, "notes", "gold")

    def keys(self, version: int | None = None) -> list[str]:
        state = self.reader.state(self.version if version is None else version)
        return sorted(file.key.removeprefix(self.root) for file in state.files)

    def put_parquet(self, name: str, actions: list[Action]) -> None:
        sink = io.BytesIO()
        names = dict.fromkeys(name for action in actions for name in action)
        listed = [{name: action.get(name) for name in names} for action in actions]
        pq.write_table(
            pa.Table.from_pylist(listed, schema=pa.schema([(name, ACTIONS[name]) for name in names])), sink
        )
        self.store.put(self.log + name, sink.getvalue())


MAP = pa.map_(pa.string(), pa.string())
ACTIONS = {
    "protocol": pa.struct({"minReaderVersion": pa.int32(), "readerFeatures": pa.list_(pa.string())}),
    "metaData": pa.struct(
        {"schemaString": pa.string(), "partitionColumns": pa.list_(pa.string()), "configuration": MAP}
    ),
    "add": pa.struct({"path": pa.string(), "size": pa.int64(), "partitionValues": MAP, "stats": pa.string()}),
    "remove": pa.struct({"path": pa.string()}),
    "sidecar": pa.struct({"path": pa.string(), "sizeInBytes": pa.int64()}),
    "checkpointMetadata": pa.struct({"version": pa.int64()}),
}


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def filled(notes: Notes) -> list[Action]:
    """Three versions; what a checkpoint of the last one has."""
    first = notes.begin(ROWS)
    second, third = notes.add(ROWS, "a folder=é%/2.parquet"), notes.add(ROWS)
    notes.commit(second)
    notes.commit(notes.remove(first), third)
    told = notes.metadata(ROWS.schema)
    return [notes.protocol(), told, second, third, notes.remove(first)]


def test_commits_add_and_remove_files(notes: Notes) -> None:
    filled(notes)
    assert notes.keys(0) == ["part-1.parquet"]
    assert notes.keys(1) == ["a folder=é%/2.parquet", "part-1.parquet"]
    assert notes.keys() == ["a folder=é%/2.parquet", "part-3.parquet"]
    state = notes.reader.state(2)
    assert (state.columns, state.partitioned, state.has_feed) == (
        {"sample_id": "string", "label": "string"},
        frozenset(),
        True,
    )
    assert [file.rows for file in state.files] == [1, 1]
    assert state.size == sum(len(notes.store.get(file.key)) for file in state.files)


@pytest.mark.parametrize("kind", ["classic", "parts", "v2 json", "v2 parquet"])
@pytest.mark.parametrize("hint", [b'{"version": 2}', b"", b'{"version": 3}', b"[]"])
def test_a_checkpoint_stands_for_the_commits_before_it(notes: Notes, kind: str, hint: bytes) -> None:
    actions = filled(notes)
    if kind == "classic":
        notes.put_parquet(f"{2:020d}.checkpoint.parquet", actions)
    elif kind == "parts":
        for part, held in ((1, actions[:3]), (2, actions[3:])):
            notes.put_parquet(f"{2:020d}.checkpoint.{part:010d}.{2:010d}.parquet", held)
    else:
        sidecar = {"sidecar": {"path": "s.parquet", "sizeInBytes": 1}}
        notes.put_parquet("_sidecars/s.parquet", actions[2:])
        whole = [{"checkpointMetadata": {"version": 2}}, *actions[:2], sidecar]
        if kind == "v2 json":
            data = "\n".join(map(json.dumps, whole)).encode()
            notes.store.put(f"{notes.log}{2:020d}.checkpoint.{UUID}.json", data)
        else:
            notes.put_parquet(f"{2:020d}.checkpoint.{UUID}.parquet", whole)
    if hint:
        notes.store.put(f"{notes.log}_last_checkpoint", hint)
    assert notes.keys(1) == ["a folder=é%/2.parquet", "part-1.parquet"]
    for version in range(3):
        notes.store.delete(f"{notes.log}{version:020d}.json")
    assert notes.keys() == ["a folder=é%/2.parquet", "part-3.parquet"]
    notes.commit(notes.remove(actions[3]))
    assert notes.keys() == ["a folder=é%/2.parquet"]
    with pytest.raises(NotPlain, match=r"0000\.json is gone"):
        notes.keys(1)


def test_a_checkpoint_that_lacks_a_part_is_none(notes: Notes) -> None:
    notes.put_parquet(f"{2:020d}.checkpoint.{1:010d}.{2:010d}.parquet", filled(notes)[:2])
    assert notes.keys() == ["a folder=é%/2.parquet", "part-3.parquet"]


def test_a_damaged_checkpoint_is_named(notes: Notes) -> None:
    filled(notes)
    notes.store.put(f"{notes.log}{2:020d}.checkpoint.parquet", b"PAR1 or so")
    with pytest.raises(IntegrityError, match=r"checkpoint\.parquet: not a sound checkpoint"):
        notes.keys()


@pytest.mark.parametrize(
    "action",
    [
        {"protocol": {"minReaderVersion": 4}},
        {"protocol": {"minReaderVersion": 3, "readerFeatures": ["deletionVectors", "somethingNew"]}},
        {
            "metaData": {
                "schemaString": '{"fields": []}',
                "configuration": {"delta.columnMapping.mode": "name"},
            }
        },
        {"metaData": {"schemaString": "{"}},
        {
            "metaData": {
                "schemaString": '{"fields": [{"name": "a", "type": "long"}, {"name": "A", "type": "long"}]}'
            }
        },
        {"add": {"path": "x", "size": 1, "deletionVector": {"storageType": "u"}}},
        {"add": {"path": "s3://elsewhere/x", "size": 1}},
        {"add": {"path": "/x", "size": 1}},
        {"add": {"path": "a/%2e%2E/../x", "size": 1}},
        {"add": {"size": 1}},
        {"add": ["x"]},
        {"remove": {}},
    ],
)
def test_what_is_not_understood_exactly_is_not_plain(notes: Notes, action: Action) -> None:
    filled(notes)
    notes.commit(action)
    with pytest.raises(NotPlain):
        notes.keys()


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff\n", b'{"add": {"path": "x", "size": "many"}}'])
def test_a_commit_that_is_none_is_not_plain(notes: Notes, data: bytes) -> None:
    filled(notes)
    notes.store.put(f"{notes.log}{3:020d}.json", data)
    with pytest.raises(NotPlain):
        notes.keys(3)


def changes(notes: Notes, after: int) -> list[tuple[str, int, bool | None]]:
    found = notes.reader.changes(after, notes.reader.state(notes.version), notes.version)
    return [(one.file.key.removeprefix(notes.root), one.version, one.came) for one in found]


def test_changes_are_those_of_change_files_or_else_of_files_that_came_and_went(notes: Notes) -> None:
    first = notes.begin(ROWS)
    second = notes.add(ROWS)
    notes.commit(notes.remove(first), second, notes.cdc(ROWS))
    notes.commit(notes.remove(second), third := notes.add(ROWS), notes.metadata(ROWS.schema))
    quiet: dict[str, Any] = {"dataChange": False}
    notes.commit({"remove": {**notes.remove(third)["remove"], **quiet}}, notes.add(ROWS, **quiet))
    assert changes(notes, 0) == [
        ("_change_data/cdc-2.parquet", 1, None),
        ("part-2.parquet", 2, False),
        ("part-4.parquet", 2, True),
    ]
    assert changes(notes, 3) == []


@pytest.mark.parametrize("told", [{"delta.enableChangeDataFeed": "false"}, {}])
def test_a_feed_with_a_gap_or_of_other_columns_is_not_plain(notes: Notes, told: dict[str, str]) -> None:
    notes.begin(ROWS)
    schema = ROWS.schema if told else ROWS.schema.append(pa.field("more", pa.string()))
    notes.commit(notes.metadata(schema, **told))
    notes.commit(notes.metadata(ROWS.schema))
    with pytest.raises(NotPlain, match="had other columns, or no change feed, at version 1"):
        changes(notes, 0)
    assert changes(notes, 1) == []
