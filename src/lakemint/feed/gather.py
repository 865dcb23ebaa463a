"""Rows picked from several shards in any order, each value's bytes copied once.

Arrow's `take` from a chunked column copies whole chunks first. So text and bytes are first laid out as views
(length and place, 16 bytes a value: Arrow's columnar format 1.4, "variable-size binary view layout"), which
the order is made of, and Arrow makes a plain column of them. Only the rows that are picked are touched.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakemint.errors import LakemintError
from lakemint.feed.windows import Places

_INLINE: Final = 12
"""Bytes of a value that its view itself holds, when there are no more."""
_VIEW: Final = np.dtype([("length", "<i4"), ("prefix", "<i4"), ("buffer", "<i4"), ("offset", "<i4")])
_MAX_BYTES: Final = 2**31 - 1
"""Of a plain column's values: Arrow's offsets are 32 bits wide."""
_VIEWED: Final = {pa.string(): pa.string_view(), pa.binary(): pa.binary_view()}


def gather(
    shards: Places, rows: Places, shard: Callable[[int], pa.RecordBatch], schema: pa.Schema
) -> pa.RecordBatch:
    """The rows in that order: (rows,) int64 each, row `rows[i]` of what `shard(shards[i])` gives.

    Of their columns those of the schema.

    Raises LakemintError for more bytes of values than a column can hold, and what `shard` raises.
    """
    order = np.argsort(shards, kind="stable")
    there, begins = np.unique(shards[order], return_index=True)
    if not there.size:
        return pa.RecordBatch.from_pylist([], schema)
    sources = [shard(one) for one in there.tolist()]
    picked = np.split(rows[order], begins[1:])
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return pa.RecordBatch.from_arrays(
        [
            (_viewed if field.type in _VIEWED else _plain)(
                [one.column(field.name) for one in sources], picked, back
            )
            for field in schema
        ],
        schema=schema,
    )


def _plain(columns: Sequence[pa.Array], picked: Sequence[Places], back: Places) -> pa.Array:
    """Of short values: those of each column in turn, and then brought into their order."""
    taken = [column.take(pa.array(rows)) for column, rows in zip(columns, picked, strict=True)]
    return pa.concat_arrays(taken).take(pa.array(back))


def _viewed(columns: Sequence[pa.Array], picked: Sequence[Places], back: Places) -> pa.Array:
    """Of text or bytes."""
    views = np.empty(len(back), _VIEW)
    views["buffer"] = np.repeat(np.arange(len(picked)), [len(rows) for rows in picked])
    cuts = np.cumsum([0, *(len(rows) for rows in picked)])
    for column, rows, begin, end in zip(columns, picked, cuts[:-1], cuts[1:], strict=True):
        offsets = np.frombuffer(column.buffers()[1] or b"\0\0\0\0", np.int32)[column.offset :]
        views["offset"][begin:end], views["length"][begin:end] = offsets[rows], offsets[rows + 1]
    views["length"] -= views["offset"]
    if views["length"].sum(dtype=np.int64) > _MAX_BYTES:
        raise LakemintError(
            f"a batch of {len(back):,} examples is longer than 2 GiB: make batch_size smaller"
        )
    data = [column.buffers()[2] or pa.py_buffer(b"") for column in columns]
    # A view has also the first four bytes of its value, to compare it faster: nobody compares these.
    views["prefix"] = 0
    _lay_inline(views, data)
    is_there, kind = None, columns[0].type
    if any(column.null_count for column in columns):
        valid = [column.is_valid().take(pa.array(rows)) for column, rows in zip(columns, picked, strict=True)]
        is_there = pa.concat_arrays(valid).take(pa.array(back)).buffers()[1]
    buffers = [is_there, pa.py_buffer(views[back]), *data]
    return pa.Array.from_buffers(_VIEWED[kind], len(back), buffers).cast(kind)


def _lay_inline(views: NDArray[Any], data: Sequence[pa.Buffer]) -> None:
    """Give the views of short values their bytes, each followed by zeros."""
    short = np.flatnonzero(views["length"] <= _INLINE)
    found, digits = views[short], np.arange(_INLINE)
    inline = np.zeros((len(short), _INLINE), np.uint8)
    for buffer in np.unique(found["buffer"][found["length"] > 0]).tolist():
        own, held = found["buffer"] == buffer, np.frombuffer(data[buffer], np.uint8)
        places = found["offset"][own, None].astype(np.int64) + digits
        inline[own] = held[np.minimum(places, held.size - 1)]
    inline[digits >= found["length"][:, None]] = 0
    views.view(np.uint8).reshape(len(views), _VIEW.itemsize)[short, -_INLINE:] = inline
