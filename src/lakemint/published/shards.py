"""Published shards: their schema, their bytes as the store has them, and their rows.

A shard is an Arrow file of rows sorted by `sample_id`, and over it, if it was changed since, overlays: files
of the same columns and `GONE`, which hold the rows that came or changed, and of those that went the ids. They
are read together (merge on read, as log-structured merge trees do: O'Neil et al., 1996), so that a change
costs what it is large and not what it touches.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from lakemint.errors import FormatError, IntegrityError, ObjectNotFound
from lakemint.names import LABEL, SAMPLE_ID
from lakemint.published.columns import arrow_schema

if TYPE_CHECKING:
    # Spark's workers count labels too, and need no pydantic for it.
    from lakemint.published.records import Manifest, ShardRecord
    from lakemint.store.base import Store

Progress = Callable[[int, int], None]
"""Told while shards are read: bytes done, bytes in all."""
MAX_BYTES: Final = 2**31 + 2**24
"""No shard is longer: Arrow's offsets of text and bytes are 32 bits wide, and around them there is little."""
GONE: Final = "lakemint gone"
"""The column of overlays that says whether the sample went; a name that no contract's column can have."""
_CHUNK = 1024 * 1024


class File(Protocol):
    """What is known of a file before it is read."""

    @property
    def sha256(self) -> str: ...
    @property
    def bytes(self) -> int: ...


class Shard(File, Protocol):
    """A file, and what lies over it, oldest first."""

    @property
    def overlays(self) -> Sequence[File]: ...
    @property
    def rows(self) -> int:
        """Of all together."""


def overlay_schema(schema: pa.Schema) -> pa.Schema:
    """Of the files that lie over shards of that schema."""
    return schema.append(pa.field(GONE, pa.bool_()))


def schema_of(manifest: "Manifest", where: str) -> pa.Schema:
    """The Arrow schema of a version's shards; `where` is the manifest's key.

    Raises FormatError for an unknown type, a column that is there twice, and when there is no `sample_id`.
    """
    columns = [(column.name, column.type) for column in manifest.columns]
    name, count = max(Counter(name for name, _ in columns).items(), key=itemgetter(1), default=("", 0))
    if count > 1:
        raise FormatError(f"{where}: schema: the column {name!r} is there {count} times")
    if (SAMPLE_ID, "string") not in columns:
        raise FormatError(f"{where}: schema: there is no column {SAMPLE_ID} of strings")
    try:
        return arrow_schema(columns)
    except FormatError as error:
        raise FormatError(f"{where}: schema: {error}") from error


def read(
    store: "Store", key_of: Callable[[str], str], shard: "ShardRecord", schema: pa.Schema
) -> pa.RecordBatch:
    """A shard's rows, sorted by `sample_id`; `key_of` tells where the file of a digest is.

    Raises IntegrityError, naming the key, for any file that is not as it was published, and StoreError.
    """

    return joined(shard, key_of, schema, partial(read_file, store, key_of))


def read_file(store: "Store", key_of: Callable[[str], str], file: File, schema: pa.Schema) -> pa.RecordBatch:
    """The rows of one file of a shard, by the schema it must have; raises as `read`."""
    key = key_of(file.sha256)
    return decode(fetch(store, key, file), key, schema)


def joined(
    shard: Shard,
    key_of: Callable[[str], str],
    schema: pa.Schema,
    content: Callable[[File, pa.Schema], pa.RecordBatch],
) -> pa.RecordBatch:
    """A shard's rows, of its files as `content` reads each, by the schema it must have.

    Raises IntegrityError, naming the key, when they are not as many as the manifest says.
    """
    rows = content(shard, schema)
    if shard.overlays:
        over = overlay_schema(schema)
        rows = merged(rows, [content(file, over) for file in shard.overlays])
    if rows.num_rows != shard.rows:
        raise IntegrityError(
            f"{key_of(shard.sha256)}: {rows.num_rows:,} rows, the manifest says {shard.rows:,}"
        )
    return rows


def merged(rows: pa.RecordBatch, overlays: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows as overlays, oldest first, leave them: sorted by `sample_id`, as one file would hold them."""
    import numpy as np  # the feed's import must not wait for these two
    import pyarrow.compute as pc

    untouched = pa.array(np.zeros(rows.num_rows, bool))
    below = pa.RecordBatch.from_arrays([*rows.columns, untouched], schema=overlay_schema(rows.schema))
    layers = [below, *overlays]
    whole = pa.concat_batches(layers)
    if not whole.num_rows:
        return rows
    depth = np.repeat(np.arange(len(layers), dtype=np.int32), [layer.num_rows for layer in layers])
    keys = pa.table({SAMPLE_ID: whole.column(SAMPLE_ID), "depth": depth})
    order = pc.sort_indices(keys, sort_keys=[(SAMPLE_ID, "ascending"), ("depth", "ascending")])
    ids = whole.column(SAMPLE_ID).take(order)
    newest = pa.concat_arrays([pc.not_equal(ids[1:], ids[:-1]), pa.array([True])])
    there = pc.and_(newest, pc.invert(whole.column(GONE).take(order)))
    return whole.select(rows.schema.names).take(order.filter(there))


def fetch(store: "Store", key: str, shard: File) -> bytearray:
    """The bytes that were published; holds no more of the object than they.

    Raises IntegrityError, naming the key, when they are gone or others, and StoreError.
    """
    if shard.bytes > MAX_BYTES:
        raise IntegrityError(
            f"{key}: {shard.bytes:,} bytes by the manifest, a shard has {MAX_BYTES:,} at most"
        )
    data = bytearray()
    try:
        with store.open(key) as stream:
            while len(data) <= shard.bytes and (chunk := stream.read(_CHUNK)):
                data += chunk
    except ObjectNotFound as error:
        raise IntegrityError(f"{key}: the shard is gone; restore it from a copy") from error
    if len(data) != shard.bytes:
        size = f"more than {shard.bytes:,}" if len(data) > shard.bytes else f"{len(data):,}"
        raise IntegrityError(
            f"{key}: {size} bytes, {shard.bytes:,} were published; restore the object from a copy"
        )
    if hashlib.sha256(data).hexdigest() != shard.sha256:
        raise IntegrityError(f"{key}: not the bytes that were published; restore the object from a copy")
    return data


def decode(
    data: bytes | bytearray, key: str, schema: pa.Schema | None, *, is_known: bool = False
) -> pa.RecordBatch:
    """The shard's rows, on the memory of `data`; raises IntegrityError, naming the key.

    Without a schema they may have any columns. Bytes that are known were decoded before.
    """
    try:
        with pa.ipc.open_file(pa.py_buffer(data)) as reader:
            if schema is not None and not reader.schema.equals(schema):
                raise IntegrityError(f"{key}: {_other_columns(reader.schema, schema)}")
            if reader.num_record_batches != 1:
                raise IntegrityError(f"{key}: {reader.num_record_batches} record batches, a shard has one")
            batch = reader.get_batch(0)
        if not is_known:
            batch.validate(full=True)  # what is malformed inside must not be read as memory
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{key}: not a sound Arrow file ({error})") from error
    return batch


def _other_columns(found: pa.Schema, wanted: pa.Schema) -> str:
    here, there = ({f"{field.name} {field.type}" for field in one} for one in (found, wanted))
    differing = sorted(here ^ there)
    shown = ", ".join(differing[:5]) + (", …" if len(differing) > 5 else "") or "their order"
    return f"its columns are not those the manifest names: they differ in {shown}"


def label_counts(rows: pa.Table | pa.RecordBatch) -> dict[str, int]:
    """Label → rows; empty when there is no column of labels."""
    import pyarrow.compute as pc  # the feed decodes shards too, and has no other use for it

    if LABEL not in rows.schema.names:
        return {}
    counts: Any = pc.value_counts(rows.column(LABEL)).to_pylist()
    return {str(item["values"]): item["counts"] for item in counts}
