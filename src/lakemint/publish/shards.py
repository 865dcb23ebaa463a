"""Shards: Arrow IPC files of one record batch, whose bytes depend on their rows alone."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakemint import errors
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, SPLIT
from lakemint.publish.keep import keep
from lakemint.published.columns import ARROW_OF_SPARK, arrow_schema
from lakemint.published.content import content_of, total
from lakemint.published.shards import GONE, label_counts
from lakemint.store import Store, StoreAddress

BUCKET = "lakemint bucket"
KEPT = "lakemint kept"
BEFORE = "lakemint before"
"""Columns of rows on their way to shards, by names that no contract's column can have: the bucket; and of
rows that changed, whether the sample was in the shard, and its label there."""
WRITTEN = (
    "split string, bucket int, sha256 string, bytes long, rows long, labels string, content string, "
    "failed string"
)
"""What a worker says of each shard: `labels` is a JSON object, label → rows; `failed`, if not null, tells why
the shard could not be stored, as `<error class>: <message>`."""
_GROWN = pa.schema([("split", pa.string()), ("content", pa.string())])

_MAX_BYTES = 2**31 - 64 * 1024
"""Arrow's offsets of text and bytes are 32 bits wide."""


@dataclass(frozen=True)
class ShardWriter:
    """All a worker must know to write shards."""

    dataset: str
    address: StoreAddress
    columns: tuple[tuple[str, str], ...]
    """(name, Arrow type) of the shards' columns."""

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows grouped by (split, bucket) in, a row of `WRITTEN` out for each shard that is stored."""
        store = self.address.open()
        for (split, bucket), rows in groups(batches):
            try:
                made = self.store(store, rows)
                told = {**made, "labels": json.dumps(made["labels"]), "content": self.content(rows)}
                yield _said(split, bucket, *told.values(), None)
            except LakemintError as error:
                # An exception would reach the driver buried in Spark's own, with the stack of the worker.
                yield _said(split, bucket, *[None] * 5, f"{type(error).__name__}: {error}")
                return

    def of_overlays(self) -> "ShardWriter":
        """The writer of files that lie over shards of this one's."""
        return replace(self, columns=(*self.columns, (GONE, "bool")))

    def store(self, store: Store, rows: pa.Table) -> dict[str, Any]:
        """Write the shard of these rows: its sha256, bytes, rows, labels; raises as `encode` and `keep`."""
        data = encode(self._own(rows), self.columns)
        digest = hashlib.sha256(data).hexdigest()
        keep(store, Lake(self.address.lake).shard(self.dataset, digest), data)
        return {"sha256": digest, "bytes": len(data), "rows": rows.num_rows, "labels": label_counts(rows)}

    def content(self, rows: pa.Table) -> str:
        """Of the rows as a shard holds them, see `published.content`."""
        return content_of(self._own(rows).cast(arrow_schema(self.columns)))

    def grown(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Changed rows as structs `was` and `now` in; split and what its content grows by out, in parts."""
        for batch in batches:
            sides = (batch.column(name).filter(batch.column(name).is_valid()) for name in ("now", "was"))
            came, went = (pa.Table.from_struct_array(side) for side in sides)
            told = self.growth(came, went)
            yield pa.RecordBatch.from_pydict({"split": [*told], "content": [*told.values()]}, _GROWN)

    def growth(self, came: pa.Table, went: pa.Table) -> dict[str, str]:
        """Split → what the content of its rows grows by when some come and others go."""
        splits = {split for side in (came, went) for split in pc.unique(side[SPLIT]).to_pylist()}
        return {
            split: total(
                *([self.content(side.filter(pc.equal(side[SPLIT], split)))] for side in (came, went))
            )
            for split in splits
        }

    def _own(self, rows: pa.Table) -> pa.Table:
        return rows.select([name for name, _ in self.columns])


def shard_columns(gold: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """(name, Arrow type) of what a shard holds: all of gold but `split`, which the shard's place says.

    `gold` names its columns with Spark's types. Raises LakemintError for a type that cannot be published.
    """
    columns = []
    for name, kind in gold:
        if kind not in ARROW_OF_SPARK:
            raise LakemintError(
                f"gold.{name}: the type {kind} cannot be published; there are {', '.join(ARROW_OF_SPARK)}"
            )
        columns += [(name, ARROW_OF_SPARK[kind])] if name != SPLIT else []
    return tuple(columns)


def written(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the workers said, labels as mappings; raises the error of a shard that could not be stored."""
    said = [dict(row) for row in rows]
    for row in said:
        if row["failed"] is not None:
            kind, _, message = row["failed"].partition(": ")
            raise getattr(errors, kind, errors.StoreError)(message)
    return [{**row, "labels": json.loads(row["labels"])} for row in said]


def _said(*values: Any) -> pa.RecordBatch:
    text, count = pa.string(), pa.int64()
    types = (text, pa.int32(), text, count, count, text, text, text)
    names = [column.split()[0] for column in WRITTEN.split(", ")]
    arrays = [pa.array([value], kind) for value, kind in zip(values, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def groups(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[tuple[str, int], pa.Table]]:
    """The rows of each (split, bucket), given that they come one after the other. Holds one at a time."""
    current: tuple[str, int] | None = None
    held: list[pa.RecordBatch] = []
    for batch in batches:
        for place, rows in _runs(batch):
            if place != current and held:
                yield current, pa.Table.from_batches(held)  # type: ignore[misc]
                held = []
            current = place
            held.append(rows)
    if current is not None and held:
        yield current, pa.Table.from_batches(held)


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, int], pa.RecordBatch]]:
    """The batch, cut where split or bucket changes."""
    places = list(zip(batch.column(SPLIT).to_pylist(), batch.column(BUCKET).to_pylist(), strict=True))
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[start]:
            yield places[start], batch.slice(start, end - start)
            start = end


def encode(rows: pa.Table, columns: tuple[tuple[str, str], ...]) -> bytes:
    """The file of these rows: sorted by sample_id, one record batch, no compression, no metadata.

    The same rows, in any order and any batches, give the same bytes. Raises LakemintError when they are too
    many for one shard.
    """
    if rows.nbytes > _MAX_BYTES:
        raise LakemintError(
            f"a shard of {rows.num_rows} rows would hold {rows.nbytes} bytes, {_MAX_BYTES} at most: "
            "raise publish.buckets in the recipe"
        )
    schema = arrow_schema(columns)
    whole = next(
        iter(rows.cast(schema).combine_chunks().to_batches()), pa.RecordBatch.from_pylist([], schema)
    )
    # `take` also makes what lies under nulls the same, whatever was there.
    batch = whole.take(pc.sort_indices(whole, sort_keys=[(SAMPLE_ID, "ascending")]))
    measured = pa.MockOutputStream()
    _write_file(batch, measured)
    # A stream that grows would copy what is there, again and again.
    buffer = pa.allocate_buffer(measured.size())
    _write_file(batch, pa.FixedSizeBufferWriter(buffer))
    data: bytes = buffer.to_pybytes()
    return data


def _write_file(batch: pa.RecordBatch, sink: Any) -> None:
    with pa.ipc.new_file(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=None)) as writer:
        writer.write_batch(batch)
