"""Published shards: their schema, their bytes as the store has them, and their rows."""

import hashlib
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

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
_CHUNK = 1024 * 1024


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


def fetch(store: "Store", key: str, shard: "ShardRecord") -> bytearray:
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


def decode(data: bytes | bytearray, key: str, schema: pa.Schema) -> pa.RecordBatch:
    """The shard's rows, on the memory of `data`; raises IntegrityError, naming the key."""
    try:
        with pa.ipc.open_file(pa.py_buffer(data)) as reader:
            if not reader.schema.equals(schema):
                raise IntegrityError(f"{key}: {_other_columns(reader.schema, schema)}")
            if reader.num_record_batches != 1:
                raise IntegrityError(f"{key}: {reader.num_record_batches} record batches, a shard has one")
            batch = reader.get_batch(0)
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
