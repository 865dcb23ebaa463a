"""Landing: files become raw objects, and stay as they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lakemint.errors import ObjectExists, StoreError
from lakemint.store.base import Store, md5


@dataclass(frozen=True)
class Landed:
    """How many objects were new, and how many were there already with the same bytes."""

    new: int
    known: int

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(self.new + other.new, self.known + other.known)


def land(store: Store, prefix: str, files: Iterable[tuple[str, bytes | Path]]) -> Landed:
    """Write `files` (name, content) under a key prefix.

    Safe to repeat: what is there already is left alone. Raises StoreError for a name that holds other bytes,
    since raw objects never change.
    """
    there = {item.key: item.etag for item in store.list(prefix)}
    new = known = 0
    for name, content in files:
        key = prefix + name
        if key in there and there[key] == md5(content):
            known += 1
            continue
        try:
            # An etag need not be an MD5, so `create` compares the bytes where it is another one.
            store.create(key, content)
        except ObjectExists as error:
            raise StoreError(
                f"{key} holds other bytes; raw objects never change: land it under another name"
            ) from error
        known, new = (known + 1, new) if key in there else (known, new + 1)
    return Landed(new, known)
