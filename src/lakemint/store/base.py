"""What the platform asks of an object store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol


@dataclass(frozen=True)
class StoredObject:
    """An object as listed: key relative to the lake's root, size in bytes, etag without quotes."""

    key: str
    size: int
    etag: str


class Store(Protocol):
    """Keys are relative to the lake's root.

    Every method raises StoreUnavailable when the store does not answer for longer than we retry, and
    StoreError when it refuses.
    """

    def get(self, key: str, at_most: int | None = None) -> bytes:
        """The whole object; raises ObjectNotFound, and StoreError when it is longer than `at_most` bytes."""

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        """A forward-only stream; with `etag`, only of those very bytes.

        Raises ObjectNotFound, and ObjectExists when other bytes are there. Reading it to its end gives all
        of the object or raises StoreUnavailable: a stream that was cut never looks like a short object.
        """

    def stat(self, key: str) -> StoredObject | None:
        """Size and etag; None when there is no such object."""

    def put(self, key: str, data: bytes) -> None:
        """Write or overwrite."""

    def create(self, key: str, data: bytes) -> None:
        """Write if the key is free; raises ObjectExists when other bytes are there.

        After StoreUnavailable the object may or may not be there: read back, or create again.
        """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects whose key begins with a prefix. Their order is the store's: sort where it matters."""
