"""The contracts and recipes that versions were made by, under the digests that their manifests bind."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lakemint.digest import sha256
from lakemint.errors import IntegrityError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.published.records import MAX_BYTES
from lakemint.store.base import Store

_MISSING = object()


def find_document(store: Store, lake: Lake, dataset: str, digest: str) -> dict[str, Any] | None:
    """The document of that digest, as plain data; None when it was not kept.

    Raises IntegrityError when other bytes are at its place, and StoreError.
    """
    where = lake.document(dataset, digest)
    try:
        data = store.get(where, MAX_BYTES)
    except ObjectNotFound:
        return None
    if sha256(data) != digest:
        raise IntegrityError(f"{where}: not the bytes that were kept; restore the object from a copy")
    content = json.loads(data)
    return content if isinstance(content, dict) else None


def need_document(store: Store, lake: Lake, dataset: str, digest: str) -> dict[str, Any]:
    """As `find_document`; raises IntegrityError when it was not kept."""
    found = find_document(store, lake, dataset, digest)
    if found is None:
        raise IntegrityError(
            f"{lake.document(dataset, digest)}: what the version was made by is gone; restore it from a copy"
        )
    return found


def changes(before: Any, after: Any, field: str = "") -> Iterator[dict[str, Any]]:
    """Where two documents differ: field (`split.train`), and what stands there before and after.

    Null where nothing does. Lists of unlike lengths are compared as a whole.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{field}.{name}" if field else str(name)
            yield from changes(before.get(name, _MISSING), after.get(name, _MISSING), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from changes(*pair, f"{field}[{index}]")
    elif before is _MISSING or after is _MISSING or before != after:
        yield {
            "field": field,
            "before": None if before is _MISSING else before,
            "after": None if after is _MISSING else after,
        }
