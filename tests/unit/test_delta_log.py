"""Delta logs as Spark writes them, and as others leave them."""

import json
from pathlib import Path

import pytest

from lakemint.delta_log import Commit, DeltaLog
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.store import FolderStore

LOG = "tables/silver/notes/_delta_log/"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def log(store: FolderStore, tmp_path: Path) -> DeltaLog:
    return DeltaLog(store, Lake(f"file://{tmp_path}"), "notes")


def commit(store: FolderStore, version: int, operation: str = "WRITE", note: object = None) -> None:
    info = {
        "operation": operation,
        "txnId": f"txn-{version}",
        **({} if note is None else {"userMetadata": note}),
    }
    lines = [{"commitInfo": info}, {"add": {"path": "part-0.parquet"}}]
    data = "".join(json.dumps(line) + "\n" for line in lines)
    store.put(f"{LOG}{version:020d}.json", data.encode())


def test_without_a_table_there_is_no_commit(log: DeltaLog) -> None:
    assert log.last("silver") is None
    with pytest.raises(LakemintError, match="there is no silver/notes yet; `lakemint run notes` makes it"):
        log.need("silver")


def test_the_newest_that_changed_data_counts(store: FolderStore, log: DeltaLog) -> None:
    for version in range(12):
        commit(store, version, note=json.dumps({"batch": version}))
    commit(store, 12, "OPTIMIZE")
    commit(store, 13, "VACUUM END")
    store.put(f"{LOG}{14:020d}.checkpoint.parquet", b"PAR1")
    store.put(f"{LOG}{0:020d}.{14:020d}.compacted.json", b"{}")
    expected = Commit(TableVersion(11, "txn-11"), {"batch": 11}, "WRITE")
    assert log.last("silver") == log.need("silver") == log.at("silver", 11) == expected
    assert log.at("silver", 3).note == {"batch": 3}
    assert [log.at("silver", version).changes_data for version in (11, 12, 13)] == [True, False, False]
    assert log.demand("silver", TableVersion(3, "txn-3")) == log.at("silver", 3)
    with pytest.raises(LakemintError, match="silver/notes was made anew"):
        log.demand("silver", TableVersion(3, "another"))
    with pytest.raises(LakemintError, match="silver/notes has no version 20"):
        log.at("silver", 20)


@pytest.mark.parametrize("checkpoint", [b'{"version": 10}', b'{"version": 11}', b"{", b"[]"])
def test_a_checkpoint_shortens_the_way_and_hides_nothing(
    store: FolderStore, log: DeltaLog, checkpoint: bytes
) -> None:
    for version in range(11):
        commit(store, version, note="{}")
    commit(store, 11, "OPTIMIZE")
    store.put(f"{LOG}_last_checkpoint", checkpoint)
    assert log.version("silver") == 10


@pytest.mark.parametrize("note", [None, "not JSON", "[]", 7])
def test_a_note_of_somebody_else_is_none(store: FolderStore, log: DeltaLog, note: object) -> None:
    commit(store, 0, note=note)
    assert log.last("silver") == Commit(TableVersion(0, "txn-0"), {}, "WRITE")


def test_a_commit_that_does_not_describe_itself_is_one(store: FolderStore, log: DeltaLog) -> None:
    store.put(f"{LOG}{0:020d}.json", b'{"protocol": {}}\n{"metaData": {}}\n')
    assert log.last("silver") == Commit(TableVersion(0, ""), {})


def test_a_log_is_forgotten_up_to_its_checkpoint(
    store: FolderStore, log: DeltaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(3):
        commit(store, version)
        store.put(f"{LOG}{version:020d}.crc", b"{}")
    assert not log.remembers("silver")
    with pytest.raises(LakemintError, match="no checkpoint is ahead of version 2"):
        log.forget("silver")
    store.put(f"{LOG}{1:020d}.json", b'{"commitInfo":{}}\n{"remove":{"path":"part-0.parquet"}}\n')
    assert log.remembers("silver")
    store.put(f"{LOG}{2:020d}.checkpoint.parquet", b"PAR1")
    store.put(f"{LOG}{0:020d}.{1:020d}.compacted.json", b"{}")
    store.put(f"{LOG}_last_checkpoint", b'{"version": 2}')
    deleted: list[str] = []
    monkeypatch.setattr(store, "delete", deleted.append)
    assert log.forget("silver") == 5
    names = [key.removeprefix(f"{LOG}{0:017d}") for key in deleted]
    assert names[-2:] == ["000.json", "001.json"]
    assert sorted(names[:-2]) == ["000.00000000000000000001.compacted.json", "000.crc", "001.crc"]
    commit(store, 3)
    store.put(f"{LOG}_last_checkpoint", b'{"version": 4}')
    with pytest.raises(LakemintError, match="no checkpoint is ahead of version 3"):
        log.forget("silver")
