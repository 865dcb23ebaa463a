"""Which Parquet files a state of a Delta table has, and which a commit's changes: read from the table's log.

After the Delta transaction log protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (sections
Checkpoints, Add File and Remove File, Add CDC File, Action Reconciliation). What is not understood exactly
is `NotPlain`, and left to Spark.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from lakemint.errors import ObjectNotFound
from lakemint.lake import Lake
from lakemint.publish.checkpoints import actions_of_checkpoint, newest_checkpoint
from lakemint.publish.plain import NotPlain, action_of, understood
from lakemint.store.base import Store

_FEATURES: Final = frozenset(
    {"v2Checkpoint", "vacuumProtocolCheck", "timestampNtz", "columnMapping", "deletionVectors"}
)
"""Reader features that a table may have; whether it uses the last two, its metadata and files say."""
_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line of a commit, at most."""
_FILES: Final = 100_000
"""Files of a table, at most: each is held in memory."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table, as the log tells of it."""

    key: str
    """In the lake."""
    size: int
    """In bytes."""
    values: Mapping[str, str | None]
    """Of the partition columns, which the file itself need not have."""
    rows: int | None = None
    """None where the log does not say."""


@dataclass(frozen=True)
class ChangeFile:
    """Rows that a commit put into a table or took out of it."""

    file: DataFile
    version: int
    """Of the commit."""
    came: bool | None
    """Whether the rows came or went; None where the file's own `_change_type` says so for each."""


@dataclass(frozen=True)
class TableState:
    """What a version of a table is."""

    columns: dict[str, str]
    """Name → type, as the log names it, in their order."""
    partitioned: frozenset[str]
    """The partition columns."""
    has_feed: bool
    """Whether it tells of its changes."""
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class TableFiles:
    """A table's log, read from a store. Methods raise NotPlain and StoreError."""

    def __init__(self, store: Store, lake: Lake, dataset: str, table: str) -> None:
        self._store, self._log = store, lake.log(table, dataset)
        self._root = lake.files(table, dataset)

    def state(self, version: int) -> TableState:
        """The table at a version."""
        with understood(self._log):
            return self._state(version)

    def changes(self, after: int, state: TableState, until: int) -> list[ChangeFile]:
        """The change feed of the commits behind `after`, up to `until`, at which the table is `state`."""
        if not state.has_feed:
            raise NotPlain(f"{self._root} tells of no changes")
        with understood(self._log):
            return [file for version in range(after + 1, until + 1) for file in self._changes(version, state)]

    def _state(self, version: int) -> TableState:
        protocol: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        files: dict[str, DataFile] = {}
        for action in self._actions(version):
            protocol = action.get("protocol") or protocol
            metadata = action.get("metaData") or metadata
            if gone := action.get("remove"):
                files.pop(gone["path"], None)
            if added := action.get("add"):
                files[added["path"]] = self._file(added)
            if len(files) > _FILES:
                raise NotPlain(f"{self._root} has more than {_FILES} files")
        _require_plain(protocol, metadata, self._root)
        columns = _columns(metadata, self._root)
        partitioned = frozenset(metadata.get("partitionColumns") or ())
        return TableState(columns, partitioned, _has_feed(metadata), tuple(files.values()))

    def _changes(self, version: int, state: TableState) -> Iterator[ChangeFile]:
        told, other = [], []
        for action in self._commit(version):
            if "metaData" in action and not _fits(action["metaData"], state, self._root):
                raise NotPlain(f"{self._root} had other columns, or no change feed, at version {version}")
            if cdc := action.get("cdc"):
                told.append(ChangeFile(self._file(cdc), version, None))
            for kind in ("add", "remove"):
                if (found := action.get(kind)) and found["dataChange"]:
                    other.append(ChangeFile(self._file(found), version, kind == "add"))
        yield from told or other

    def _actions(self, version: int) -> Iterator[dict[str, Any]]:
        """All that made the table what it is at a version, in their order."""
        checkpoint = newest_checkpoint(self._store, self._log, version)
        if checkpoint is not None:
            yield from actions_of_checkpoint(self._store, self._log, checkpoint)
        for number in range(checkpoint.version + 1 if checkpoint else 0, version + 1):
            yield from self._commit(number)

    def _commit(self, version: int) -> Iterator[dict[str, Any]]:
        key = f"{self._log}{version:020d}.json"
        try:
            with self._store.open(key) as stream:
                while line := stream.readline(_LINE):
                    if len(line) == _LINE:
                        raise NotPlain(f"{key} has a line of more than {_LINE} bytes")
                    yield action_of(line)
        except ObjectNotFound as error:
            raise NotPlain(f"{key} is gone") from error

    def _file(self, action: Mapping[str, Any]) -> DataFile:
        path = unquote(str(action["path"]))
        if action.get("deletionVector"):
            raise NotPlain(f"{self._root}{path} has a deletion vector")
        if ":" in path.partition("/")[0] or path.startswith("/") or ".." in path.split("/"):
            raise NotPlain(f"{path} lies outside of {self._root}")
        values = dict(action.get("partitionValues") or {})
        return DataFile(f"{self._root}{path}", int(action.get("size") or 0), values, _rows(action))


def _rows(action: Mapping[str, Any]) -> int | None:
    """As many as the statistics of a file say."""
    try:
        rows = json.loads(action.get("stats") or "{}")["numRecords"]
    except (ValueError, KeyError, TypeError):
        return None
    return rows if isinstance(rows, int) else None


def _require_plain(protocol: Mapping[str, Any], metadata: Mapping[str, Any], where: str) -> None:
    version, features = protocol.get("minReaderVersion", 99), protocol.get("readerFeatures") or ()
    if version > 3 or not _FEATURES.issuperset(features):
        raise NotPlain(f"{where} needs reader version {version} with {', '.join(features) or 'no features'}")
    if _configuration(metadata).get("delta.columnMapping.mode", "none") != "none":
        raise NotPlain(f"the columns of {where} have other names in its files")


def _columns(metadata: Mapping[str, Any], where: str) -> dict[str, str]:
    fields: Iterable[dict[str, Any]] = json.loads(metadata["schemaString"])["fields"]
    columns = {}
    for field in fields:
        told = field.get("metadata") or {}
        if not isinstance(field["type"], str) or {"__COLLATIONS", "delta.typeChanges"} & told.keys():
            columns[field["name"]] = "a type of several parts"
        else:
            columns[field["name"]] = field["type"]
    if len({name.lower() for name in columns}) < len(columns):
        raise NotPlain(f"{where} has two columns of one name")
    return columns


def _fits(metadata: Mapping[str, Any], state: TableState, where: str) -> bool:
    return _has_feed(metadata) and _columns(metadata, where) == state.columns


def _has_feed(metadata: Mapping[str, Any]) -> bool:
    return _configuration(metadata).get("delta.enableChangeDataFeed") == "true"


def _configuration(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Table properties; a checkpoint has them as pairs."""
    return dict(metadata.get("configuration") or {})
