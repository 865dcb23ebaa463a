"""Shards on this machine: fetched once, verified, memory-mapped. Safe for several processes at once."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakemint.errors import ConfigError, IntegrityError, ObjectNotFound
from lakemint.feed.manifest import Shard
from lakemint.published.shards import File, decode, joined

if TYPE_CHECKING:
    from lakemint.store.base import Store

_CHUNK = 1024 * 1024


class ShardCache:
    """A folder of shards' files, each under its digest, whatever dataset or version it belongs to."""

    def __init__(self, folder: Path, store: "Store") -> None:
        self._folder, self._store = folder, store
        self._verified: dict[Shard, Any] = {}

    def read(self, shard: Shard, key_of: Callable[[str], str], schema: Any) -> Any:
        """The shard as one `pyarrow.RecordBatch` on mapped memory; `key_of` tells where a digest's file is.

        Its bytes are verified once. A corrupt cached file is fetched anew; raises IntegrityError, naming
        the key, when the store's bytes are not those of the manifest.
        """
        if shard not in self._verified:
            self._verified[shard] = self._rows(shard, key_of, schema)
        return self._verified[shard]

    def forget(self, digests: Iterable[str]) -> None:
        """Delete the copies of these files, if there are any."""
        for digest in digests:
            with contextlib.suppress(OSError):
                (self._folder / f"{digest}.arrow").unlink()

    def _rows(self, shard: Shard, key_of: Callable[[str], str], schema: Any) -> Any:
        def content(file: File, columns: Any) -> Any:
            key = key_of(file.sha256)
            return decode(self._bytes(file, key), key, columns)

        rows = joined(shard, key_of, schema, content)
        return self._mapped_rows(rows) if shard.overlays else rows

    def _bytes(self, file: File, key: str) -> Any:
        path = self._folder / f"{file.sha256}.arrow"
        data = _mapped(path, file)
        if data is None:
            self._fetch(file, key, path)
            data = _mapped(path, file)
        if data is None:
            raise IntegrityError(f"{path}: the file changed right after it was written; is the disk sound?")
        return data

    def _mapped_rows(self, rows: Any) -> Any:
        """The same rows on the mapped memory of a file without a name, which ends with the last reader."""
        with self._unfinished() as file:
            with pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_batch(rows)
            file.flush()
            with pa.memory_map(file.name) as mapped, pa.ipc.open_file(mapped.read_buffer()) as reader:
                return reader.get_batch(0)

    def _fetch(self, wanted: File, key: str, path: Path) -> None:
        """Into a file of its own, renamed when it is whole and right."""
        with self._unfinished() as file:
            self._copy(wanted, key, file)
            file.flush()
            Path(file.name).replace(path)

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[Any]:
        """A new file in the folder, gone afterwards unless it was renamed."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                try:
                    yield file
                finally:
                    with contextlib.suppress(OSError):
                        Path(file.name).unlink()
        except OSError as error:
            raise ConfigError(
                f"the cache {self._folder} cannot be written ({error.strerror}): "
                "make room, or set LAKEMINT_CACHE to another folder"
            ) from error

    def _copy(self, wanted: File, key: str, file: Any) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with self._store.open(key) as stream:
                while size <= wanted.bytes and (chunk := stream.read(_CHUNK)):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
        except ObjectNotFound as error:
            raise IntegrityError(
                f"{key}: the shard is gone from the store; restore it from a copy"
            ) from error
        if size != wanted.bytes or digest.hexdigest() != wanted.sha256:
            raise IntegrityError(
                f"{key}: the stored bytes are not the published ones; restore the object from a copy"
            )


def _mapped(path: Path, wanted: File) -> Any:
    """The file's mapped memory, if it holds the very bytes that are wanted; else None."""
    try:
        if path.stat().st_size != wanted.bytes:
            return None
        with pa.memory_map(os.fspath(path)) as file:
            data = file.read_buffer()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == wanted.sha256 else None
