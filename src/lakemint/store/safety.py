"""Nothing is published on a store that was not found safe; what was found is remembered in the lake.

    {"format": "lakemint.safe-store/1", "store": address, "checks": [...], "writers": 64, "probed_at": UTC}

The record is bound to the store's address: endpoint, bucket and prefix, or folder. A lake that was copied
brings the record of where it was before, which vouches for nothing at its new place; and since a gateway may
spoil what the store behind it does well, each way to a lake is probed on its own. Only good news is kept: a
store that was found unsafe is probed again the next time, so that mending it is enough.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lakemint.clock import utc_now
from lakemint.digest import canonical
from lakemint.errors import StoreError, StoreUnavailable, UnsafeStore
from lakemint.lake import Lake
from lakemint.store.base import Store
from lakemint.store.probe import CHECKS, WRITERS, faults

FORMAT: Final = "lakemint.safe-store/1"
_LONGEST: Final = 16 * 1024
"""Bytes of a record, at most."""
_ABANDONED: Final = timedelta(hours=1)
"""Objects of a probe that are older were left by one that was killed."""
WAY_OUT: Final = (
    "Use a store, or a release of it, whose PUT honours If-None-Match and If-Match, with no gateway before "
    "it that drops them; `lakemint store probe` tells when it is safe"
)


@dataclass(frozen=True)
class Probed:
    """What came of a probe."""

    store: str
    """Its address."""
    faults: list[str]
    """What it does wrong, in words."""
    probed_at: str
    """UTC, ISO 8601."""

    @property
    def safe(self) -> bool:
        return not self.faults


def require_safe(store: Store, lake: Lake) -> None:
    """Raises UnsafeStore, naming what is wrong, unless the store is safe to publish on.

    Costs one small read where that is known; else the store is probed, which takes a second or two. Raises
    StoreError when it cannot be probed.
    """
    if _is_known(store, lake):
        return
    found = probe(store, lake)
    if not found.safe:
        raise UnsafeStore(
            f"{found.store} is not safe to publish on: {'; '.join(found.faults)}. Nothing was published, and "
            f"no channel moved. {WAY_OUT}"
        )


def require_erasable(store: Store) -> None:
    """Raises UnsafeStore where overwritten and deleted bytes stay, StoreError when that cannot be known."""
    if store.keeps_versions():
        raise UnsafeStore(
            f"{store.address} keeps the older versions of objects: what is erased would stay in them. "
            "Nothing was erased. Copy the lake to a bucket without versioning, set LAKEMINT_LAKE to that, "
            "run this again, and delete the old bucket with all its versions"
        )


def probe(store: Store, lake: Lake) -> Probed:
    """Probe the store now, whatever is known of it, and remember what was found; raises StoreError."""
    _clear(store, lake)
    wrong = faults(store, lake.probing)
    found = Probed(store.address, wrong, utc_now())
    where = lake.safe_store(store.address)
    if found.safe:
        store.put(where, canonical({**_wanted(store), "writers": WRITERS, "probed_at": found.probed_at}))
    else:
        store.delete(where)
    return found


def _wanted(store: Store) -> dict[str, Any]:
    """What a record says that vouches for this store."""
    return {"format": FORMAT, "store": store.address, "checks": list(CHECKS)}


def _is_known(store: Store, lake: Lake) -> bool:
    """Whether this very store passed these very checks; what is no record of ours vouches for nothing."""
    try:
        record = json.loads(store.get(lake.safe_store(store.address), _LONGEST))
    except StoreUnavailable:
        raise
    except (StoreError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and _wanted(store).items() <= record.items()


def _clear(store: Store, lake: Lake) -> None:
    """Take away what a killed probe left."""
    for item in list(store.list(lake.probing)):
        if item.modified < datetime.now(UTC) - _ABANDONED:
            store.delete(item.key)
