"""The newest commits of a dataset's Delta tables, read from their logs, without Spark and in milliseconds.

After the Delta transaction log protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from lakemint.errors import LakemintError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.store.base import Store

_COMMIT = re.compile(r"(\d{20})\.json")
_VERSION = re.compile(r"(\d{20})\.")
"""How the name of all that is of a version begins: its commit, checkpoint, checksum."""
_LEFT = (b'{"remove"', b'{"cdc"')
"""How the lines of a commit begin that tell of rows which are no longer there."""
_LINE: Final = 4 * 1024 * 1024
"""Bytes of a commit's line that are read at most; its note stands in one of the first."""
_LINES: Final = 100
CHANGE_FEED: Final = "change_feed"
"""In a commit's note: whether the table's change data feed tells what it changed."""
_MAINTENANCE = frozenset(
    {
        "OPTIMIZE",
        "VACUUM START",
        "VACUUM END",
        "REORG",
        "COMPUTE STATS",
        "SET TBLPROPERTIES",
        "UNSET TBLPROPERTIES",
    }
)
"""Operations that change no data; they carry no note, and make no new version for a stage."""


class Commit(NamedTuple):
    """A version of a table, and the note it was committed with ({} without one)."""

    at: TableVersion
    note: dict[str, Any]
    operation: str = ""
    """Delta's word for it."""

    @property
    def changes_data(self) -> bool:
        return self.operation not in _MAINTENANCE

    @property
    def version(self) -> int:
        return self.at.version


class DeltaLog:
    """The logs of one dataset's tables. Every method asks the store anew."""

    def __init__(self, store: Store, lake: Lake, dataset: str) -> None:
        self._store, self._lake, self._dataset = store, lake, dataset

    def last(self, table: str) -> Commit | None:
        """The newest commit that changed data; None when there is no table."""
        prefix = self._lake.log(table, self._dataset)
        for version in self._versions(prefix):
            commit = _commit(version, self._info(f"{prefix}{version:020d}.json"))
            if commit.changes_data:
                return commit
        return None

    def at(self, table: str, version: int) -> Commit:
        """The commit that made a version; raises LakemintError when it is not in the log, or no longer."""
        try:
            info = self._info(f"{self._lake.log(table, self._dataset)}{version:020d}.json")
        except ObjectNotFound as error:
            raise LakemintError(f"{table}/{self._dataset} has no version {version}, or no longer") from error
        return _commit(version, info)

    def version(self, table: str) -> int | None:
        """The newest version that changed data; None when there is no table."""
        last = self.last(table)
        return None if last is None else last.version

    def demand(self, table: str, at: TableVersion) -> Commit:
        """The commit of that very state; raises LakemintError when it is gone, or of another table by now."""
        found = self.at(table, at.version)
        if found.at != at:
            raise LakemintError(
                f"{table}/{self._dataset} was made anew: it is not the table whose version {at.version} is "
                "asked for"
            )
        return found

    def need(self, table: str) -> Commit:
        """As `last`; raises LakemintError when there is no table."""
        last = self.last(table)
        if last is None:
            raise LakemintError(
                f"there is no {table}/{self._dataset} yet; `lakemint run {self._dataset}` makes it"
            )
        return last

    def remembers(self, table: str) -> bool:
        """Whether the log tells of any file that is no longer the table's: of what it held, and its extremes.

        Where all commits only add, all that the log tells is there still.
        """
        prefix = self._lake.log(table, self._dataset)
        return any(self._removes(f"{prefix}{version:020d}.json") for version in self._commits(prefix, ""))

    def forget(self, table: str) -> int:
        """Delete what the log keeps of versions before the last checkpoint; how many objects.

        Raises LakemintError when the newest commit that changed data comes before that checkpoint.
        """
        prefix, last = self._lake.log(table, self._dataset), self.need(table).version
        first = self._last_checkpoint(prefix)
        old = [
            (_COMMIT.fullmatch(name) is not None, name)
            for item in self._store.list(prefix)
            if (found := _VERSION.match(name := item.key.removeprefix(prefix))) and int(found[1]) < first
        ]
        if not 0 <= first <= last:
            raise LakemintError(
                f"{table}/{self._dataset}: no checkpoint is ahead of version {last}, so its log cannot be "
                "cut; run this again"
            )
        # Commits go last and in their order: killed between, what is left still tells that there was more.
        for _, name in sorted(old):
            self._store.delete(prefix + name)
        return len(old)

    def _versions(self, prefix: str) -> Iterator[int]:
        """The versions whose commits are still in the log, newest first."""
        after = self._checkpoint(prefix)
        newer = self._commits(prefix, after)
        yield from newer
        if after:  # all that came since may be maintenance
            yield from (version for version in self._commits(prefix, "") if version not in newer)

    def _commits(self, prefix: str, after: str) -> list[int]:
        names = (key.removeprefix(prefix) for key, _ in self._store.sizes(prefix, after))
        return sorted((int(found[1]) for name in names if (found := _COMMIT.fullmatch(name))), reverse=True)

    def _checkpoint(self, prefix: str) -> str:
        """A key that all commits after the last checkpoint come behind: long logs are not listed whole."""
        version = self._last_checkpoint(prefix)
        return "" if version < 0 else f"{prefix}{version - 1:020d}.json"

    def _last_checkpoint(self, prefix: str) -> int:
        """The version of it; -1 when there is none."""
        try:
            return int(json.loads(self._store.get(f"{prefix}_last_checkpoint", _LINE))["version"])
        except (ObjectNotFound, ValueError, KeyError, TypeError):
            return -1

    def _removes(self, key: str) -> bool:
        with self._store.open(key) as stream:
            return any(line.startswith(_LEFT) for line in stream)

    def _info(self, key: str) -> dict[str, Any]:
        """A commit's own description, `commitInfo`; {} when it has none."""
        with self._store.open(key) as stream:
            for _ in range(_LINES):
                line = stream.readline(_LINE)
                if not line:
                    break
                if b'"commitInfo"' in line[:64]:
                    info = json.loads(line)["commitInfo"]
                    return info if isinstance(info, dict) else {}
        return {}


def _commit(version: int, info: Mapping[str, Any]) -> Commit:
    commit = info.get("txnId")
    at = TableVersion(version, commit if isinstance(commit, str) else "")
    return Commit(at, _note(info.get("userMetadata")), str(info.get("operation", "")))


def _note(text: object) -> dict[str, Any]:
    """A commit's note; {} for one that is missing or not ours."""
    try:
        note = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
