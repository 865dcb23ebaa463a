"""The receipts that training runs left of reading a version, as they were found.

Training clusters write them, by `lakemint.feed.receipts`, and often with credentials of their own: one that
cannot be read, or is about something else than its place says, is named and does not hide the others.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from lakemint.errors import FormatError, ObjectNotFound
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.ranges import merged
from lakemint.published.records import Count, Digest, Record, parse
from lakemint.store.base import Store

MAX_BYTES = 1024 * 1024
"""A longer receipt is not read."""


class WeightsRecord(Record):
    """How often each example came, see `feed.weights`."""

    column: str
    values: Annotated[list[tuple[str | int | bool | None, float]], Field(max_length=1000)] | None
    """Value of the column, and its weight; None: the column's numbers are the weights."""
    digest: Digest


class OrderRecord(Record):
    """What an order of examples follows from, see `feed.state`."""

    digest: Digest
    """Of the manifest that the version was published with."""
    seed: int
    shuffle: bool
    window: Annotated[int, Field(ge=1)]
    algorithm: str
    weights: WeightsRecord | None = None
    """None: each example once an epoch."""


class ReceiptRecord(Record):
    """`published/<dataset>/receipts/<number>/<uuid>.json`: what one process of a run read of a split."""

    format: Literal["lakemint.receipt/1"] = "lakemint.receipt/1"
    dataset: str
    version: Annotated[int, Field(ge=1, lt=10**8)]
    manifest: Digest
    """Of what was read: an erasure gives the version another one."""
    split: str
    order: OrderRecord
    places: Count
    """Of an epoch: as many as rows were published in the split, or as have any weight."""
    ranges: Annotated[list[tuple[Count, Count]], Field(max_length=1000)]
    """What was read, by all ranks together: half-open, ascending; place p of epoch e is e * `places` + p."""
    world: Annotated[int, Field(ge=1)]
    """Ranks that read."""
    run: Annotated[str, Field(max_length=200)]
    """What people call the run."""
    attempt: str
    """A UUID: which process of it; begun again, a run has another one."""
    launchers: dict[str, str]
    """What others call it: mlflow, wandb, slurm, torchelastic."""
    model: Annotated[str, Field(max_length=1000)] | None
    """What it produces, if it told."""
    status: Literal["running", "complete", "failed"]
    """One that was killed is running for ever; `seen_at` tells."""
    failure: str | None
    """The name of the exception that ended it."""
    begun_at: AwareDatetime
    seen_at: AwareDatetime
    """When this was written: by then all of `ranges` was read."""
    ended_at: AwareDatetime | None

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> "ReceiptRecord":
        if merged(self.ranges) != self.ranges or (self.ranges and not self.places):
            raise ValueError("its ranges overlap, or are in no order")
        return self


def receipts(store: Store, lake: Lake, version: Reference) -> Iterator[ReceiptRecord | FormatError]:
    """All receipts of a version, in no order; for one that cannot be read, what is wrong with it.

    Raises StoreError.
    """
    prefix = lake.receipts(version.dataset, version.number)
    for key, size in store.sizes(prefix):
        try:
            yield _read(store, key, size, version)
        except FormatError as error:
            yield error
        except ObjectNotFound:
            continue  # somebody took it away just now


def _read(store: Store, key: str, size: int, version: Reference) -> ReceiptRecord:
    if size > MAX_BYTES:
        raise FormatError(f"{key}: {size:,} bytes, a receipt has {MAX_BYTES:,} at most")
    found = parse(ReceiptRecord, store.get(key, MAX_BYTES), key)
    if (found.dataset, found.version) != (version.dataset, version.number):
        raise FormatError(f"{key}: by its own words it is of {found.dataset[:60]}@{found.version}")
    return found
