"""Orders and receipts in the lake."""

import uuid
from collections.abc import Iterator

from lakemint.digest import canonical
from lakemint.erase.records import Order, Receipt
from lakemint.errors import FormatError, IntegrityError, LakemintError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.published.records import MAX_BYTES, parse
from lakemint.store.base import Store
from lakemint.subjects import Subjects


class Erasures:
    """One dataset's. Every method asks the store anew, and raises StoreError."""

    def __init__(self, store: Store, lake: Lake, dataset: str) -> None:
        self._store, self._lake, self._dataset = store, lake, dataset

    def order(self, subjects: Subjects, by: str, now: str) -> tuple[Order, bool]:
        """An order for the subjects, and whether it was placed now: one that is open already stays the one.

        `now`: UTC, ISO 8601.
        """
        for there in self.orders():
            if there.subjects == subjects:
                return there, False
        order = Order(
            dataset=self._dataset,
            erasure=str(uuid.uuid4()),
            column=subjects.column,
            values=[*subjects.values],
            by=by,
            ordered_at=now,
        )
        self.write(order)
        return order, True

    def write(self, record: Order | Receipt) -> None:
        """Put an order as it is by now, or the receipt that takes its place."""
        where = self._lake.erasure(self._dataset, record.erasure)
        self._store.put(where, canonical(record.model_dump(mode="json")))

    def withdraw(self, erasure: str) -> None:
        """Take back an order of which nothing was done yet; any other one stays."""
        there = self.read(erasure)
        if isinstance(there, Order) and there.found is None:
            self._store.delete(self._lake.erasure(self._dataset, erasure))

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

    def orders(self) -> list[Order]:
        """Of the erasures that are not complete."""
        return [record for record in self._all() if isinstance(record, Order)]

    def receipts(self) -> list[Receipt]:
        """Of those that are, oldest first."""
        found = [record for record in self._all() if isinstance(record, Receipt)]
        return sorted(found, key=lambda receipt: (receipt.done_at, receipt.erasure))

    def _all(self) -> Iterator[Order | Receipt]:
        prefix = self._lake.erasures(self._dataset)
        for item in self._store.list(prefix):
            yield self.read(item.key.removeprefix(prefix).removesuffix(".json"))
