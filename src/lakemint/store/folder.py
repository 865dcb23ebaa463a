"""A folder as an object store, for laptops and tests."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lakemint.errors import LakemintError, ObjectExists, ObjectNotFound, StoreError
from lakemint.store.base import StoredObject

_UNFINISHED = ".unfinished"


class FolderStore:
    """Objects are files; an object's etag is its MD5, as in S3. Writing is atomic, also between processes."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def get(self, key: str, at_most: int | None = None) -> bytes:
        with self.open(key) as stream:
            data = stream.read() if at_most is None else stream.read(at_most + 1)
        if at_most is not None and len(data) > at_most:
            raise StoreError(f"{key}: longer than the {at_most} bytes it may have")
        return data

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        path = self._path(key)
        if not path.is_file():
            raise ObjectNotFound(f"{key}: no such object")
        with _translated(key):
            stream = path.open("rb")
        if etag:
            if _md5(stream) != etag:
                stream.close()
                raise ObjectExists(f"{key}: not the expected bytes")
            stream.seek(0)
        return stream

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self.open(key) as stream:
                return StoredObject(key, os.fstat(stream.fileno()).st_size, _md5(stream))
        except ObjectNotFound:
            return None

    def put(self, key: str, data: bytes) -> None:
        with _translated(key):
            self._write(key, data).replace(self._path(key))

    def create(self, key: str, data: bytes) -> None:
        with _translated(key):
            temporary = self._write(key, data)
            try:
                os.link(temporary, self._path(key))
            except FileExistsError as error:
                if self.get(key) != data:
                    raise ObjectExists(f"{key}: taken by other bytes") from error
            finally:
                temporary.unlink()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        top = self._path(prefix.rpartition("/")[0])
        files = ((path.relative_to(self._root).as_posix(), path) for path in top.rglob("*") if path.is_file())
        for key, path in sorted(files):
            if key.startswith(prefix) and not key.startswith(_UNFINISHED):
                with path.open("rb") as stream:
                    yield StoredObject(key, path.stat().st_size, _md5(stream))

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root):
            raise StoreError(f"{key!r} leads out of the lake")
        return path

    def _write(self, key: str, data: bytes) -> Path:
        """The bytes, safe on disk under a temporary name; the key's folder is there."""
        folder = self._root / _UNFINISHED
        for needed in (folder, self._path(key).parent):
            needed.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return Path(file.name)


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


def _md5(stream: IO[bytes]) -> str:
    return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()  # type: ignore[arg-type]
