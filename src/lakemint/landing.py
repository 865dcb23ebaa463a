"""Landing: files become raw objects, and stay as they are."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from lakemint.errors import StoreError
from lakemint.store import Store


@dataclass(frozen=True)
class Landed:
    """How many objects were new, and how many were there already with the same bytes."""

    new: int
    known: int


def land(store: Store, prefix: str, files: Iterable[tuple[str, bytes]]) -> Landed:
    """Write `files` (name, content) under a key prefix.

    Safe to repeat: what is there already, by its MD5 etag, is left alone.
    Raises StoreError for a name that holds other bytes, since raw objects never change.
    """
    there = {item.key: item.etag for item in store.list(prefix)}
    new = known = 0
    for name, content in files:
        key = prefix + name
        if key not in there:
            store.create(key, content)
            new += 1
        elif there[key] == hashlib.md5(content, usedforsecurity=False).hexdigest():
            known += 1
        else:
            raise StoreError(f"{key} holds other bytes; raw objects never change: land it under another name")
    return Landed(new, known)
