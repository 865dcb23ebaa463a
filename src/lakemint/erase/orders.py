"""Orders and receipts in the lake."""

import uuid
from datetime import datetime, timedelta

from lakemint.digest import canonical
from lakemint.erase.records import Order, Receipt
from lakemint.errors import (
    FormatError,
    IntegrityError,
    LakemintError,
    ObjectExists,
    ObjectNotFound,
    StoreUnavailable,
)
from lakemint.lake import Lake
from lakemint.published.records import MAX_BYTES, parse
from lakemint.store.base import Store
from lakemint.subjects import Subjects


class Erasures:
    """One dataset's. Every method asks the store anew, and raises StoreError."""

    def __init__(self, store: Store, lake: Lake, dataset: str) -> None:
        self._store, self._lake, self._dataset = store, lake, dataset

    def order(self, subjects: Subjects, by: str, now: str) -> Order | Receipt:
        """What is to be completed for the subjects, or else a new order, which nobody agreed to yet.

        `now`: UTC, ISO 8601. Orders that nobody agreed to for a day are taken back: they name people.
        """
        for there in self.all():
            if there.is_due and there.is_for(subjects):
                return there
            if not (there.is_due or there.has_begun) and there.ordered_at < _day_before(now):
                self.withdraw(there)
        order = Order(
            dataset=self._dataset,
            erasure=str(uuid.uuid4()),
            column=subjects.column,
            values=[*subjects.values],
            by=by,
            ordered_at=now,
        )
        self._store.create(self._lake.erasure(self._dataset, order.erasure), _written(order))
        return order

    def agree(self, order: Order | Receipt) -> None:
        """From now on it is to be carried out; raises LakemintError when it is no longer there."""
        if not order.is_due:
            self.replace(order, order.model_copy(update={"agreed": True}))

    def replace(self, before: Order | Receipt, after: Order | Receipt) -> Order | Receipt:
        """Put what a record is by now in the place of what it was; returns what is there then.

        When another run was faster, that is what that one made of it.
        """
        where = self._lake.erasure(self._dataset, before.erasure)
        there = self._store.stat(where)
        now = self.read(before.erasure)
        if there is None or now != before:
            return now
        try:
            self._store.replace(where, _written(after), there.etag)
        except (ObjectExists, ObjectNotFound, StoreUnavailable):
            now = self.read(before.erasure)
            if now == before:
                raise
            return now
        return after

    def withdraw(self, order: Order | Receipt) -> None:
        """Take back an order that nobody agreed to; any other one stays."""
        there = self.read(order.erasure)
        if not (there.is_due or there.has_begun):
            self._store.delete(self._lake.erasure(self._dataset, order.erasure))

    def read(self, erasure: str) -> Order | Receipt:
        """The order, or the receipt when all is done.

        Raises LakemintError when there is neither, FormatError, and IntegrityError for another's.
        """
        where = self._lake.erasure(self._dataset, erasure)
        try:
            data = self._store.get(where, MAX_BYTES)
        except ObjectNotFound as error:
            raise LakemintError(f"{self._dataset} has no erasure {erasure}") from error
        record: Order | Receipt
        try:
            record = parse(Order, data, where)
        except FormatError:
            record = parse(Receipt, data, where)
        if (record.dataset, record.erasure) != (self._dataset, erasure):
            raise IntegrityError(
                f"{where}: it says to be {record.erasure} of {record.dataset}; restore it from a copy"
            )
        return record

    def due(self) -> list[Order | Receipt]:
        """What is to be completed: first what has begun, since others wait for it."""
        return sorted((one for one in self.all() if one.is_due), key=lambda one: not one.has_begun)

    def all(self) -> list[Order | Receipt]:
        """Every record, oldest order first."""
        prefix = self._lake.erasures(self._dataset)
        names = (item.key.removeprefix(prefix) for item in self._store.list(prefix))
        records = [self.read(name.removesuffix(".json")) for name in names]
        return sorted(records, key=lambda one: (one.ordered_at, one.erasure))


def _day_before(now: str) -> str:
    return (datetime.fromisoformat(now) - timedelta(days=1)).isoformat()


def _written(record: Order | Receipt) -> bytes:
    return canonical(record.model_dump(mode="json"))
