"""Shards on this machine: fetched once, verified, memory-mapped. Safe for several processes at once."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakemint.errors import ConfigError, IntegrityError, ObjectNotFound
from lakemint.feed.manifest import Shard
from lakemint.published.shards import decode

if TYPE_CHECKING:
    from lakemint.store.base import Store

_CHUNK = 1024 * 1024


class ShardCache:
    """A folder of shards, each under its digest, whatever dataset or version it belongs to."""

    def __init__(self, folder: Path, store: "Store") -> None:
        self._folder, self._store = folder, store
        self._verified: dict[str, Any] = {}

    def read(self, shard: Shard, key: str, schema: Any) -> Any:
        """The shard as one `pyarrow.RecordBatch` on mapped memory; `key` is where the store has it.

        Its bytes are verified once. A corrupt cached file is fetched anew; raises IntegrityError, naming
        the key, when the store's bytes are not those of the manifest.
        """
        if shard.sha256 not in self._verified:
            self._verified[shard.sha256] = _batch(self._bytes(shard, key), shard, key, schema)
        return self._verified[shard.sha256]

    def _bytes(self, shard: Shard, key: str) -> Any:
        path = self._folder / f"{shard.sha256}.arrow"
        data = _mapped(path, shard)
        if data is None:
            self._fetch(shard, key, path)
            data = _mapped(path, shard)
        if data is None:
            raise IntegrityError(f"{path}: the file changed right after it was written; is the disk sound?")
        return data

    def _fetch(self, shard: Shard, key: str, path: Path) -> None:
        """Into a file of its own, renamed when it is whole and right."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                unfinished = Path(file.name)
                try:
                    self._copy(shard, key, file)
                    file.flush()
                    unfinished.replace(path)
                except BaseException:
                    with contextlib.suppress(OSError):
                        unfinished.unlink()
                    raise
        except OSError as error:
            raise ConfigError(
                f"the cache {self._folder} cannot be written ({error.strerror}): "
                "make room, or set LAKEMINT_CACHE to another folder"
            ) from error

    def _copy(self, shard: Shard, key: str, file: Any) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with self._store.open(key) as stream:
                while size <= shard.bytes and (chunk := stream.read(_CHUNK)):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
        except ObjectNotFound as error:
            raise IntegrityError(
                f"{key}: the shard is gone from the store; restore it from a copy"
            ) from error
        if size != shard.bytes or digest.hexdigest() != shard.sha256:
            raise IntegrityError(
                f"{key}: the stored bytes are not the published ones; restore the object from a copy"
            )


def _mapped(path: Path, shard: Shard) -> Any:
    """The file's mapped memory, if it holds the shard's very bytes; else None."""
    try:
        if path.stat().st_size != shard.bytes:
            return None
        with pa.memory_map(os.fspath(path)) as file:
            data = file.read_buffer()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == shard.sha256 else None


def _batch(data: Any, shard: Shard, key: str, schema: Any) -> Any:
    batch = decode(data, key, schema)
    if batch.num_rows != shard.rows:
        raise IntegrityError(f"{key}: rows or columns are not those the manifest names")
    return batch
