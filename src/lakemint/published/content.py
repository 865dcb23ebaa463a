"""A digest of rows that is independent of how they lie in files: of order, batches, shards and format.

It is the sum, modulo 2^256, of every row's sha256 as a big-endian number (an additive multiset hash: Clarke
et al., Incremental Multiset Hash Functions and Their Application to Memory Integrity Checking, 2003). So rows
can come and go while the others are not read, and anyone can compute it of any copy, in any order. Unlike
sha256 it does not resist those who may choose many rows (Wagner, A Generalized Birthday Problem, 2002): what
vouches for a version is its manifest's digest.

A row's bytes are, for each of its columns in the order of the manifest's `schema`, a byte 0 for a null, or a
byte 1 and then the value, if it is a number (little-endian), a boolean (a byte), or days or microseconds
since 1970 (as numbers), and the length in 8 little-endian bytes, if it is text (in UTF-8) or bytes; and
behind all columns the texts and bytes themselves, in the same order. NaN has neither sign nor payload, and
zero no sign: what Spark takes for equal is.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MODULUS: Final = 2**256
NOTHING: Final = "0" * 64
"""The content of no rows."""
_ROWS: Final = 4096
"""Rows whose bytes are put together at a time: what lies between stays in the processor's cache."""
_SMALL: Final = 2**30
"""Bytes that Arrow's 32-bit offsets hold for sure, with what is added."""


def content_of(rows: pa.Table | pa.RecordBatch) -> str:
    """Of rows whose columns have types of `published.columns`, as 64 hexadecimal digits."""
    whole = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    return _written(sum(_sum(batch) for batch in whole.to_batches(_ROWS)))


def total(came: Iterable[str], went: Iterable[str] = ()) -> str:
    """Of all rows that came, in parts, without those that went; or what the content of a whole grows by."""
    parts = [sum(int(one, 16) for one in side) for side in (came, went)]
    return _written(parts[0] - parts[1])


def _written(content: int) -> str:
    return f"{content % _MODULUS:064x}"


def _sum(batch: pa.RecordBatch) -> int:
    kind = pa.binary() if batch.nbytes < _SMALL else pa.large_binary()
    values = [_filled(column).cast(kind) for column in batch.columns if _is_long(column)]
    rows = pc.binary_join_element_wise(_heads(batch).cast(kind), *values, pa.scalar(b"", kind)).to_pylist()
    sha256 = hashlib.sha256
    digests = b"".join([sha256(row).digest() for row in rows])
    words = np.frombuffer(digests, ">u4").reshape(-1, 8).sum(axis=0, dtype=np.uint64)
    return sum(int(word) << (32 * (7 - place)) for place, word in enumerate(words))


def _is_long(column: pa.Array) -> bool:
    return column.type in (pa.string(), pa.binary())


def _heads(batch: pa.RecordBatch) -> pa.Array:
    """All of each row but texts and bytes, as (rows,) binary."""
    cells, wanted = [], []
    for column in batch.columns:
        there = column.is_valid().to_numpy(zero_copy_only=False)[:, np.newaxis]
        values = _fixed(column)[:, np.newaxis].view(np.uint8)
        cells += [there.view(np.uint8), values]
        wanted += [np.ones_like(there), np.broadcast_to(there, values.shape)]
    mask = np.hstack(wanted)
    offsets = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.hstack(cells)[mask])]
    return pa.BinaryArray.from_buffers(pa.binary(), batch.num_rows, buffers)


def _fixed(column: pa.Array) -> "np.ndarray[Any, Any]":
    """Each value, or the length of a text, as (rows,) of a little-endian type; anything for a null."""
    if _is_long(column):
        plain = pc.binary_length(column).cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        plain = column.cast(pa.uint8())
    elif pa.types.is_temporal(column.type):
        plain = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())
    else:
        plain = column
    values = _filled(plain).to_numpy()
    if pa.types.is_floating(column.type):
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values + values.dtype.type(0))
    little: np.ndarray[Any, Any] = values.astype(values.dtype.newbyteorder("<"))
    return little


def _filled(column: pa.Array) -> pa.Array:
    """Something for each null, as long as it is nothing."""
    if not column.null_count:
        return column
    empty = "" if pa.types.is_string(column.type) else b"" if pa.types.is_binary(column.type) else 0
    return column.fill_null(empty)
