"""Checkpoints of Delta logs: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#checkpoints."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakemint.errors import IntegrityError, ObjectNotFound
from lakemint.publish.plain import NotPlain, action_of
from lakemint.store.base import Store

_NAME: Final = re.compile(
    r"(?P<version>\d{20})\.checkpoint"
    r"(?:\.(?P<part>\d{10})\.(?P<parts>\d{10})|\.[0-9A-Za-z-]{36})?\.(?:parquet|json)"
)
_ACTIONS: Final = ("protocol", "metaData", "add", "sidecar")
"""What a table's state follows from; `remove` there only remembers files that are gone."""
_ROWS: Final = 1024
_HINT: Final = 64 * 1024
"""Bytes that `_last_checkpoint` has at most."""
_LONGEST: Final = 256 * 1024 * 1024
"""Bytes of a checkpoint in JSON, at most."""


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint: the table's version and the names of its files."""

    version: int
    names: tuple[str, ...]


def newest_checkpoint(store: Store, log: str, version: int) -> Checkpoint | None:
    """The newest one that is not newer than a version of the table; None when there is none."""
    hint = _hint(store, log)
    # A hint spares listing a long log; for a version before it, all must be listed.
    after = f"{log}{hint - 1:020d}" if 0 < hint <= version else log
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for key, _ in store.sizes(log, after):
        name = key.removeprefix(log)
        if (match := _NAME.fullmatch(name)) and int(match["version"]) <= version:
            found[int(match["version"]), match["parts"] or name].append(name)
    whole = (
        Checkpoint(number, tuple(sorted(names)))
        for (number, parts), names in found.items()
        if not parts.isdigit() or len(names) == int(parts)
    )
    return max(whole, key=lambda one: one.version, default=None)


def actions_of_checkpoint(store: Store, log: str, checkpoint: Checkpoint) -> Iterator[dict[str, Any]]:
    """Its actions, those of its sidecars included; raises NotPlain, IntegrityError and StoreError."""
    for name in checkpoint.names:
        for action in _actions(store, f"{log}{name}"):
            if sidecar := action.get("sidecar"):
                yield from _actions(store, f"{log}_sidecars/{_inside(sidecar['path'])}")
            else:
                yield action


def _hint(store: Store, log: str) -> int:
    try:
        return int(json.loads(store.get(f"{log}_last_checkpoint", _HINT))["version"])
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return 0


def _inside(path: str) -> str:
    if "/" in path:
        raise NotPlain(f"the sidecar {path} of a checkpoint lies elsewhere")
    return path


def _actions(store: Store, key: str) -> Iterator[dict[str, Any]]:
    if key.endswith(".json"):
        yield from (action_of(line) for line in store.get(key, _LONGEST).splitlines())
        return
    try:
        with store.seekable(key) as stream, pq.ParquetFile(stream) as file:
            names = [name for name in _ACTIONS if name in file.schema_arrow.names]
            for batch in file.iter_batches(_ROWS, columns=names, use_threads=False):
                for row in batch.to_pylist():
                    yield {name: value for name, value in row.items() if value is not None}
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{key}: not a sound checkpoint ({error})") from error
