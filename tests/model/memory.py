"""An object store in memory. Its content is a value: a write makes another, and leaves the old as it was."""

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from lakemint.errors import ObjectExists, ObjectNotFound
from lakemint.store.base import StoredObject, md5, opened, read_whole


class Kept(NamedTuple):
    """An object's bytes, and when they were written."""

    data: bytes
    modified: datetime


Objects = Mapping[str, Kept]
"""By key."""


class MemoryStore:
    """Keeps the promises of `lakemint.store.base.Store`; `objects` is what it holds."""

    address = "memory"

    def __init__(self, objects: Objects, now: Callable[[], datetime]) -> None:
        self.objects, self._now = objects, now

    def get(self, key: str, at_most: int | None = None) -> bytes:
        return read_whole(self.open(key), key, at_most)

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        if key not in self.objects:
            raise ObjectNotFound(f"{key}: no such object")
        data = self.objects[key].data
        if etag and md5(data) != etag:
            raise ObjectExists(f"{key}: not the expected bytes")
        return io.BytesIO(data)

    def seekable(self, key: str) -> IO[bytes]:
        return self.open(key)

    def stat(self, key: str) -> StoredObject | None:
        return _stored(key, self.objects[key]) if key in self.objects else None

    def put(self, key: str, data: bytes) -> None:
        self.objects = {**self.objects, key: Kept(data, self._now())}

    def create(self, key: str, content: bytes | Path) -> None:
        with opened(content) as stream:
            data = stream.read()
        if key not in self.objects:
            self.put(key, data)
        elif self.objects[key].data != data:
            raise ObjectExists(f"{key}: taken by other bytes")

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        with opened(content) as stream:
            data = stream.read()
        there = self.get(key)
        if md5(there) == etag:
            self.put(key, data)
        elif there != data:
            raise ObjectExists(f"{key}: not the expected bytes")

    def delete(self, key: str) -> None:
        self.objects = {name: kept for name, kept in self.objects.items() if name != key}

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        return iter([_stored(key, self.objects[key]) for key in keys])

    def keeps_versions(self) -> bool:
        return False

    def sizes(self, prefix: str, after: str = "") -> Iterator[tuple[str, int]]:
        return ((item.key, item.size) for item in self.list(prefix, after))


def _stored(key: str, kept: Kept) -> StoredObject:
    return StoredObject(key, len(kept.data), md5(kept.data), kept.modified)
