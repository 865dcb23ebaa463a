"""What the platform asks of an object store."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Protocol

from lakemint.errors import StoreError

_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True)
class StoredObject:
    """An object as listed: key relative to the lake's root, size in bytes, etag without quotes."""

    key: str
    size: int
    etag: str
    modified: datetime = field(compare=False)
    """When it was written, with a zone."""


def opened(content: bytes | Path) -> IO[bytes]:
    """Content to be written, as a stream."""
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)


def md5(content: bytes | Path) -> str:
    """What most stores give as etag."""
    with opened(content) as stream:
        return md5_of(stream)


def md5_of(stream: IO[bytes]) -> str:
    """MD5 of a stream from where it stands, in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def read_whole(stream: IO[bytes], key: str, at_most: int | None) -> bytes:
    """All of a stream; raises StoreError, naming the key, when it is longer than `at_most` bytes."""
    data = stream.read() if at_most is None else stream.read(at_most + 1)
    if at_most is not None and len(data) > at_most:
        raise StoreError(f"{key}: longer than the {at_most} bytes it may have")
    return data


def same_bytes(one: IO[bytes], other: IO[bytes]) -> bool:
    """Whether two streams hold the same, read side by side."""
    while True:
        here, there = one.read(_CHUNK), other.read(_CHUNK)
        if here != there:
            return False
        if not here:
            return True


class Store(Protocol):
    """Keys are relative to the lake's root.

    Every method raises StoreUnavailable when the store does not answer for longer than we retry, and
    StoreError when it refuses.
    """

    address: str
    """Where it is and how it is reached: endpoint, bucket and prefix, or folder. Holds no secret."""

    def get(self, key: str, at_most: int | None = None) -> bytes:
        """The whole object; raises ObjectNotFound, and StoreError when it is longer than `at_most` bytes."""

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        """A forward-only stream; with `etag`, only of those very bytes.

        Raises ObjectNotFound, and ObjectExists when other bytes are there. Reading it to its end gives all
        of the object or raises StoreUnavailable: a stream that was cut never looks like a short object.
        """

    def seekable(self, key: str) -> IO[bytes]:
        """A stream that can be read anywhere, and reads no more of the object than it is asked for.

        Raises ObjectNotFound; reading raises StoreError when the object became another one meanwhile.
        """

    def stat(self, key: str) -> StoredObject | None:
        """Size and etag; None when there is no such object."""

    def put(self, key: str, data: bytes) -> None:
        """Write or overwrite."""

    def create(self, key: str, content: bytes | Path) -> None:
        """Write bytes, or a file's, if the key is free; raises ObjectExists when other bytes are there.

        After StoreUnavailable the object may or may not be there: read back, or create again.
        """

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        """Overwrite the object, by bytes or a file's, if it still has that etag: of many, one wins.

        Raises ObjectExists when other bytes are there, ObjectNotFound when the object is gone. Bytes that
        no one else would write, by a UUID in them, make a lost reply tell: they are there, so it was done.
        After StoreUnavailable it may or may not be: read back.
        """

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is removed already."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Objects whose key begins with a prefix and, if given, comes behind the key `after`.

        Their order is the store's: sort where it matters.
        """

    def keeps_versions(self) -> bool:
        """Whether the bytes of objects that were overwritten or deleted stay, as older versions of them."""

    def sizes(self, prefix: str, after: str = "") -> Iterator[tuple[str, int]]:
        """Key and bytes of what `list` lists: for who needs no etags, which a folder must read all for."""
