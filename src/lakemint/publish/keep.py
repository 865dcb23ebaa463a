"""Storing what is named by its own digest."""

from collections.abc import Mapping
from typing import Any

from lakemint.digest import canonical, sha256
from lakemint.lake import Lake
from lakemint.store.base import Store, md5


def keep(store: Store, key: str, data: bytes) -> None:
    """Store bytes under their digest. What is there already, whole and right, is not sent again.

    Other bytes under this digest can only be damage: they are replaced.
    """
    there = store.stat(key)
    if there is None:
        store.create(key, data)
    elif there.size != len(data) or not _same(store, key, there.etag, data):
        store.put(key, data)


def keep_document(store: Store, lake: Lake, dataset: str, document: Mapping[str, Any]) -> None:
    """Store a contract or recipe beside the versions that are made by it."""
    data = canonical(document)
    keep(store, lake.document(dataset, sha256(data)), data)


def _same(store: Store, key: str, etag: str, data: bytes) -> bool:
    """By the MD5 that most stores give as etag; else by reading."""
    if etag == md5(data):
        return True
    return store.get(key, len(data)) == data
