"""Leases: who is at work on a dataset's versions just now: publishing, collecting and erasing never meet.

Each takes its lease first and looks for the other's then. Stores show a write to every later read, so of two
who do that at once at least one sees the other. A dead holder's lease ends by itself.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from lakemint.digest import canonical
from lakemint.errors import LakemintError, ObjectNotFound, StoreError
from lakemint.lake import Lake
from lakemint.published.records import MAX_BYTES, Record, parse
from lakemint.store.base import Store

Kind = Literal["publish", "collect", "erase"]
_TERMS = {"publish": timedelta(hours=24), "collect": timedelta(hours=1), "erase": timedelta(hours=24)}
_DOING = {
    "publish": "published",
    "collect": "swept of what no version holds",
    "erase": "taken rows out of, by an erasure",
}


class LeaseRecord(Record):
    """`published/<dataset>/leases/<uuid>.json`, or `<name>.<uuid>.json`."""

    format: Literal["lakemint.lease/1"] = "lakemint.lease/1"
    dataset: str
    kind: Kind
    until: AwareDatetime


class Lease:
    """A lease that is held."""

    def __init__(self, record: LeaseRecord) -> None:
        self._record = record
        self.is_kept = False

    def keep(self) -> None:
        """From here on others wait until this is done, if by a later run: failing does not give it back."""
        self.is_kept = True

    def require(self) -> None:
        """Raises LakemintError in the last tenth of its term: what needs it must not be begun any more."""
        if datetime.now(UTC) > self._record.until - _TERMS[self._record.kind] / 10:
            raise LakemintError(
                f"{self._record.dataset}: this took so long that others may be at work by now; run it again"
            )


@contextmanager
def lease(store: Store, lake: Lake, dataset: str, kind: Kind, name: str | None = None) -> Iterator[Lease]:
    """Hold a lease; raises LakemintError while another's is of another kind, and while anybody erases.

    Who works under a `name` does not mind himself, who may have died, and when all is done gives back those
    leases too. When it is not, he may be at work elsewhere after all, and they stay.
    """
    record = LeaseRecord(dataset=dataset, kind=kind, until=datetime.now(UTC) + _TERMS[kind])
    held = Lease(record)
    key = lake.lease(dataset, f"{name}.{uuid.uuid4()}" if name else str(uuid.uuid4()))
    his = f"{lake.leases(dataset)}{name}." if name else key
    store.put(key, canonical(record.model_dump(mode="json")))
    done = [key]
    try:
        earlier = _require_alone(store, lake, record, his)
        yield held
        held.is_kept = False
        done += [one for one in earlier if one != key]
    finally:
        with suppress(StoreError):  # it ends by itself; what was done is done
            for one in done if not held.is_kept else ():
                store.delete(one)


def _require_alone(store: Store, lake: Lake, own: LeaseRecord, his: str) -> list[str]:
    """All leases whose keys begin with `his`; raises LakemintError for one of others that is in the way."""
    found = []
    for key, there in leases(store, lake, own.dataset):
        alike = there.kind == own.kind and own.kind != "erase"
        if key.startswith(his):
            found.append(key)
        elif not alike and there.until > datetime.now(UTC):
            raise LakemintError(
                f"{own.dataset} is being {_DOING[there.kind]}: run this again when that is done (if it died, "
                f"after {there.until:%Y-%m-%d %H:%M} UTC, or take {key} away)"
            )
    return found


def leases(store: Store, lake: Lake, dataset: str) -> Iterator[tuple[str, LeaseRecord]]:
    """Every lease with its key, those that ended too; raises FormatError for one that cannot be read."""
    for item in store.list(lake.leases(dataset)):
        try:
            yield item.key, parse(LeaseRecord, store.get(item.key, MAX_BYTES), item.key)
        except ObjectNotFound:
            continue  # given back just now
