"""A folder as an object store, for laptops and tests."""

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lakemint.errors import LakemintError, ObjectExists, ObjectNotFound, StoreError
from lakemint.files import sync_folder
from lakemint.store.base import StoredObject, md5_of, opened, read_whole, same_bytes

_UNFINISHED = ".unfinished"
_LOCK = f"{_UNFINISHED}/lock"
_WRITTEN = "written-"


class FolderStore:
    """Objects are files; an object's etag is its MD5, as in S3. Writing is atomic, also between processes."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.address = f"file://{self._root}"

    def get(self, key: str, at_most: int | None = None) -> bytes:
        with self.open(key) as stream:
            return read_whole(stream, key, at_most)

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        path = self._path(key)
        if not path.is_file():
            raise ObjectNotFound(f"{key}: no such object")
        with _translated(key):
            stream = path.open("rb")
        if etag:
            if md5_of(stream) != etag:
                stream.close()
                raise ObjectExists(f"{key}: not the expected bytes")
            stream.seek(0)
        return stream

    def seekable(self, key: str) -> IO[bytes]:
        return self.open(key)

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self.open(key) as stream:
                return _stored(key, stream)
        except ObjectNotFound:
            return None

    def put(self, key: str, data: bytes) -> None:
        with _translated(key), self._written(key, data) as temporary, self._alone():
            self._rename(temporary, key)

    def create(self, key: str, content: bytes | Path) -> None:
        with _translated(key), self._written(key, content) as temporary:
            try:
                os.link(temporary, self._path(key))
                sync_folder(self._path(key).parent)
            except FileExistsError as error:
                with opened(content) as ours, self.open(key) as theirs:
                    if not same_bytes(ours, theirs):
                        raise ObjectExists(f"{key}: taken by other bytes") from error

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        written = self._written(key, content)
        with _translated(key), written as temporary, self._alone(), self.open(key) as there:
            if md5_of(there) == etag:
                self._rename(temporary, key)
                return
            there.seek(0)
            with opened(content) as ours:
                if not same_bytes(ours, there):
                    raise ObjectExists(f"{key}: not the expected bytes")

    def delete(self, key: str) -> None:
        with _translated(key):
            self._path(key).unlink(missing_ok=True)
            self._sweep()

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for key, path in self._files(prefix, after):
            with suppress(FileNotFoundError), path.open("rb") as stream:  # deleted just now
                yield _stored(key, stream)

    def sizes(self, prefix: str, after: str = "") -> Iterator[tuple[str, int]]:
        for key, path in self._files(prefix, after):
            with suppress(FileNotFoundError):
                yield key, path.stat().st_size

    def _files(self, prefix: str, after: str) -> Iterator[tuple[str, Path]]:
        """(key, file) in the order of the keys."""
        top = self._path(prefix.rpartition("/")[0])
        files = ((path.relative_to(self._root).as_posix(), path) for path in top.rglob("*") if path.is_file())
        for key, path in sorted(files):
            if key.startswith(prefix) and key > after and not key.startswith(_UNFINISHED):
                yield key, path

    def keeps_versions(self) -> bool:
        return False

    def _sweep(self) -> None:
        """Remove what writers that were killed left unfinished; a living one's file is locked."""
        for path in (self._root / _UNFINISHED).glob(f"{_WRITTEN}*"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _path(self, key: str) -> Path:
        """Where a key's file is, or would be; raises StoreError when that is outside of the folder."""
        path = self._root / key
        below = path.parts[len(self._root.parts) :]
        # The root is resolved: only what comes behind it can be a link.
        steps = itertools.accumulate(below, os.path.join, initial=str(self._root))
        if ".." in below or any(map(os.path.islink, steps)):
            path = path.resolve()
        if not path.is_relative_to(self._root):
            raise StoreError(f"{key!r} leads out of the lake")
        return path

    @contextmanager
    def _written(self, key: str, content: bytes | Path) -> Iterator[Path]:
        """The bytes, safe on disk under a temporary name, which goes; the key's folder is there.

        The file is locked as long as its writer lives: so `_sweep` knows what the dead left.
        """
        folder = self._root / _UNFINISHED
        for needed in (folder, self._path(key).parent):
            needed.mkdir(parents=True, exist_ok=True)
        with _locked(folder) as file:
            try:
                if isinstance(content, Path):
                    with content.open("rb") as stream:
                        shutil.copyfileobj(stream, file)
                else:
                    file.write(content)
                file.flush()
                os.fsync(file.fileno())
                yield Path(file.name)
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _rename(self, temporary: Path, key: str) -> None:
        temporary.replace(self._path(key))
        sync_folder(self._path(key).parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process or thread overwrites anything meanwhile; the system frees a dead holder's lock."""
        with (self._root / _LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def _locked(folder: Path) -> Iterator[IO[bytes]]:
    """A new file there, locked; again where one who sweeps was faster than the lock."""
    while True:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=_WRITTEN, delete=False) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if Path(file.name).exists():
                yield file
                return


def _stored(key: str, stream: IO[bytes]) -> StoredObject:
    found = os.fstat(stream.fileno())
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    return StoredObject(key, found.st_size, md5_of(stream), modified)


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Turns the system's errors into ours, with the key named."""
    try:
        yield
    except LakemintError:
        raise
    except FileNotFoundError as error:
        raise ObjectNotFound(f"{key}: no such object") from error
    except OSError as error:
        raise StoreError(f"{key}: {error.strerror or error}") from error
