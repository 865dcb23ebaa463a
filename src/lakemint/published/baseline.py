"""How well a small classifier learns a version: the record that training it leaves on the version's card."""

from typing import Literal

from lakemint.errors import ObjectNotFound
from lakemint.lake import Lake
from lakemint.published.records import MAX_BYTES, Count, Digest, Record, parse
from lakemint.store.base import Store


class ClassMarks(Record):
    rows: Count
    recall: float
    precision: float | None
    """None when the class was never guessed."""


class BaselineRecord(Record):
    """`published/<dataset>/card/<number>/baseline.json`: how well a small classifier learns it."""

    format: Literal["lakemint.baseline/1"] = "lakemint.baseline/1"
    manifest: Digest
    train_rows: Count
    test_rows: Count
    accuracy: float
    majority: float
    """Share of the commonest class: what guessing it always would score."""
    per_class: dict[str, ClassMarks]


def read_baseline(store: Store, lake: Lake, dataset: str, number: int, of: str) -> BaselineRecord | None:
    """The score of a baseline on the manifest `of`, None while there is none; raises FormatError."""
    where = lake.card(dataset, number, "baseline.json")
    try:
        found = parse(BaselineRecord, store.get(where, MAX_BYTES), where)
    except ObjectNotFound:
        return None
    return found if found.manifest == of else None
