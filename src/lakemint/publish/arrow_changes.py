"""What changed in gold, from its change feed, in Arrow: what `publish.transforms` says in Spark."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.names import LABEL, SAMPLE_ID, SPLIT
from lakemint.publish.plain import NotPlain
from lakemint.publish.shards import BEFORE, BUCKET, KEPT
from lakemint.published.shards import GONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

IS_AFTER, ORDER = "lakemint is after", "lakemint order"
"""Columns of a feed beside gold's: whether the row is as it was after the commit or before it; and in which
order they count, as int64."""
_LEDGER = (SPLIT, BUCKET, LABEL, BEFORE, GONE, KEPT)


def buckets_of(ids: pa.Array, buckets: int) -> "NDArray[np.int64]":
    """0 … buckets-1 of each id, (rows,): as `publish.transforms.bucket_of`; raises NotPlain for no id."""
    if ids.null_count:
        raise NotPlain("gold has rows without an id")
    sha256 = hashlib.sha256
    digests = [sha256(b"bucket:" + one).digest()[:4] for one in ids.cast(pa.binary()).to_pylist()]
    return np.frombuffer(b"".join(digests), ">u4").astype(np.int64) % buckets


ContentGrowth = Callable[[pa.Table, pa.Table], dict[str, str]]
"""Of rows that came and rows that went, by split, what the content grows by."""


@dataclass(frozen=True)
class Changed:
    """What changed in gold, as `publish.transforms.changes` and `contents` say it in Spark."""

    told: pa.Table
    """What each shard must be told."""
    contents: dict[str, str]
    """Split → what the content of its rows grows by, see `published.content`."""
    same_samples: bool
    """Whether no sample came to gold or left it."""


def changes(feed: pa.Table, buckets: int, growth: ContentGrowth) -> Changed:
    """All that a change feed says in the end.

    `feed` has gold's columns, `IS_AFTER` and `ORDER`, and of a sample that is in it all rows; `growth` is
    `ShardWriter.growth`. What is told has gold's columns, `GONE`, `KEPT`, `BEFORE` and `BUCKET`, in no order.
    A sample that moved to another split makes two rows: it is gone from one shard, and came to another. One
    that is as it was makes none.
    """
    names = [name for name in feed.column_names if name not in (IS_AFTER, ORDER)]
    was, now = _ends(feed, names)
    differs = _distinct_rows(was, now)
    was, now = was.filter(differs), now.filter(differs)
    had, has = pc.is_valid(was[SAMPLE_ID]), pc.is_valid(now[SAMPLE_ID])
    stays = pc.fill_null(pc.equal(was[SPLIT], now[SPLIT]), False)
    went = was.filter(pc.and_(had, pc.invert(stays)))
    came, kept = now.filter(has), stays.filter(has)
    before = pc.if_else(kept, was[LABEL].filter(has), pa.scalar(None, was.schema.field(LABEL).type))
    rows = pa.concat_tables(
        [
            _told(_only_place(went, names), gone=True, kept=_all(False, went.num_rows), before=went[LABEL]),
            _told(came, gone=False, kept=kept, before=before),
        ]
    )
    ids = rows[SAMPLE_ID].combine_chunks()
    numbers = pa.array(buckets_of(ids, buckets), pa.int32())
    same_samples = pc.all(pc.and_(had, has), min_count=0).as_py()
    return Changed(rows.append_column(BUCKET, numbers), growth(came, was.filter(had)), same_samples)


def ledger(changed: pa.Table) -> list[dict[str, Any]]:
    """The changes, counted: split, bucket, label, before, gone, kept, rows."""
    groups = changed.group_by([*_LEDGER]).aggregate([([], "count_all")])
    names = {BUCKET: "bucket", BEFORE: "before", GONE: "gone", KEPT: "kept", "count_all": "rows"}
    return [{names.get(name, name): value for name, value in one.items()} for one in groups.to_pylist()]


def _ends(feed: pa.Table, names: list[str]) -> tuple[pa.Table, pa.Table]:
    """The first and the last state of each sample; a row of nulls where it was not, or is not, there."""
    keys = [(SAMPLE_ID, "ascending"), (ORDER, "ascending")]
    order = pc.sort_indices(feed.select([SAMPLE_ID, ORDER]), sort_keys=keys).to_numpy()
    ids = feed[SAMPLE_ID].combine_chunks().take(pa.array(order))
    is_new = np.ones(len(ids) + 1, bool)
    is_new[1:-1] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    bounds = np.flatnonzero(is_new)
    after = feed[IS_AFTER].to_numpy()
    first, last = order[bounds[:-1]], order[bounds[1:] - 1]
    rows = feed.select(names)
    return rows.take(pa.array(first, mask=after[first])), rows.take(pa.array(last, mask=~after[last]))


def _distinct_rows(one: pa.Table, other: pa.Table) -> pa.ChunkedArray:
    """Which rows differ in any column, as Spark's `<=>` says: null is a value like others, and so is NaN."""
    differs = pa.chunked_array([_all(False, one.num_rows)])
    for name in one.column_names:
        mine, theirs = one[name], other[name]
        unequal = pc.fill_null(pc.not_equal(mine, theirs), False)
        if pa.types.is_floating(mine.type):
            both = pc.and_(pc.is_nan(mine), pc.is_nan(theirs))
            unequal = pc.and_(unequal, pc.invert(pc.fill_null(both, False)))
        differs = pc.or_(differs, pc.or_(unequal, pc.xor(pc.is_null(mine), pc.is_null(theirs))))
    return differs


def _only_place(rows: pa.Table, names: list[str]) -> pa.Table:
    """Only the id and where it was: the rest shall not be kept."""
    kept = (SAMPLE_ID, SPLIT)
    columns = [rows[name] if name in kept else pa.nulls(rows.num_rows, rows[name].type) for name in names]
    return pa.table(columns, schema=rows.schema)


def _told(rows: pa.Table, *, gone: bool, kept: pa.Array, before: pa.Array) -> pa.Table:
    there = rows.append_column(GONE, _all(gone, rows.num_rows))
    return there.append_column(KEPT, kept).append_column(BEFORE, before)


def _all(value: bool, rows: int) -> pa.Array:
    return pa.array(np.full(rows, value))
