"""Shards on this machine: fetched once by whichever process is first, verified, memory-mapped.

Safe for several processes at once and for their deaths: a file is fetched under a lock that ends with its
holder, and gets its name when it is whole and right. What was used longest ago goes when room is needed; who
has it mapped keeps it.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import pyarrow as pa

from lakemint.errors import ConfigError, IntegrityError, ObjectNotFound
from lakemint.feed.manifest import Shard
from lakemint.published.shards import File, decode, joined

if TYPE_CHECKING:
    from lakemint.store.base import Store

_CHUNK: Final = 1024 * 1024
_ATTEMPTS: Final = 4
"""Another process may need the room of what was just fetched."""
_PART: Final = ".part"
"""How the names of unfinished files end."""


class ShardCache:
    """A folder of shards' files, each under its digest, whatever dataset or version it belongs to."""

    def __init__(self, folder: Path, store: "Store", limit: int | None = None) -> None:
        """`limit`: bytes that all files may take; None: as many as the disk has room for."""
        self._folder, self._store, self._limit = folder, store, limit
        self._merged: dict[Shard, Any] = {}
        self._seen: dict[str, tuple[int, ...]] = {}
        """Digest → what the system said of the file when its bytes were verified."""
        self._is_swept = False

    def read(self, shard: Shard, key_of: Callable[[str], str], schema: Any) -> Any:
        """The shard as one `pyarrow.RecordBatch` on mapped memory; `key_of` tells where a digest's file is.

        Its bytes are verified once. A corrupt cached file is fetched anew; raises IntegrityError, naming
        the key, when the store's bytes are not those of the manifest.
        """
        if not shard.overlays:
            return self._joined(shard, key_of, schema)
        if shard not in self._merged:
            self._merged[shard] = self._mapped_rows(self._joined(shard, key_of, schema))
        return self._merged[shard]

    def forget(self, digests: Iterable[str]) -> None:
        """Delete the copies of these files, if there are any."""
        for digest in digests:
            with contextlib.suppress(OSError):
                self._path(digest).unlink()

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.arrow"

    def _joined(self, shard: Shard, key_of: Callable[[str], str], schema: Any) -> Any:
        def content(file: File, columns: Any) -> Any:
            key, known = key_of(file.sha256), file.sha256 in self._seen
            return decode(self._bytes(file, key), key, columns, is_known=known)

        return joined(shard, key_of, schema, content)

    def _bytes(self, file: File, key: str) -> Any:
        for _ in range(_ATTEMPTS):
            if (data := self._verified(file)) is not None:
                return data
            with _told(self._folder):
                self._fetch(file, key)
        path = self._path(file.sha256)
        raise IntegrityError(f"{path}: the file changes or goes when it was just written; is the disk sound?")

    def _verified(self, wanted: File) -> Any:
        """The file's mapped memory, if it holds the very bytes that are wanted; else None."""
        path = self._path(wanted.sha256)
        try:
            found = path.stat()
            if found.st_size != wanted.bytes:
                return None
            with pa.memory_map(os.fspath(path)) as file:
                data = file.read_buffer()
            state = (found.st_ino, found.st_mtime_ns)
            if self._seen.get(wanted.sha256) != state:
                if hashlib.sha256(data).hexdigest() != wanted.sha256:
                    return None
                self._seen[wanted.sha256] = state
            # The time of use tells what goes first, that of the last change whether the bytes are known.
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
        except OSError:
            return None
        return data

    def _mapped_rows(self, rows: Any) -> Any:
        """The same rows on the mapped memory of a file without a name, which ends with the last reader."""
        with _told(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                with pa.ipc.new_file(file, rows.schema) as writer:
                    writer.write_batch(rows)
                file.flush()
                with pa.memory_map(f"/proc/self/fd/{file.fileno()}") as mapped:
                    return pa.ipc.open_file(mapped.read_buffer()).get_batch(0)

    def _fetch(self, wanted: File, key: str) -> None:
        """Into a file of its own, renamed when it is whole and right; unless another process just did."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        path = self._path(wanted.sha256)
        with _alone(path.with_name(f".{path.name}{_PART}")) as (part, file):
            if self._verified(wanted) is not None:
                part.unlink()
                return
            try:
                self._make_room(wanted.bytes)
                self._copy(wanted, key, file)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def _copy(self, wanted: File, key: str, file: IO[bytes]) -> None:
        """Fetch into the file, making room as long as there is something to be evicted."""
        while True:
            try:
                file.seek(0)
                file.truncate()
                self._stream(wanted, key, file)
                file.flush()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._evict(wanted.bytes):
                    raise
            else:
                return

    def _stream(self, wanted: File, key: str, file: IO[bytes]) -> None:
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

    def _make_room(self, needed: int) -> None:
        """Under the limit, for a file of so many bytes."""
        if self._limit is not None:
            held = sum(one.st_size for _, one in self._files())
            if held + needed > self._limit:
                self._evict(held + needed - self._limit)

    def _evict(self, size: int) -> bool:
        """Take away what was used longest ago, so many bytes or all; whether there was anything."""
        freed = 0
        for path, found in sorted(self._files(), key=lambda one: one[1].st_atime_ns):
            if freed >= size:
                break
            path.unlink(missing_ok=True)
            freed += found.st_size
        return freed > 0

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob("*.arrow"):
            with contextlib.suppress(FileNotFoundError):  # another process evicts, too
                yield path, path.stat()

    def _sweep(self) -> None:
        """Take away, once, what processes that were killed left unfinished; a living one's is locked."""
        for path in self._folder.glob(f".*{_PART}") if not self._is_swept else ():
            with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _stands_at(path, file):  # else it got its name meanwhile
                    path.unlink()
        self._is_swept = True


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """The file, opened and locked; again where one who had it before took it away."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _stands_at(part, file):
                yield part, file
                return


def _stands_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turns the system's errors into ours, with a way out."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"the cache {folder} cannot be written ({error.strerror}): make room, or set LAKEMINT_CACHE to "
            "another folder"
        ) from error
