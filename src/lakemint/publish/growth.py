"""What a change feed makes of a published version's shards, worked out some buckets at a time."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.errors import IntegrityError
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, SPLIT
from lakemint.publish.arrow_changes import IS_AFTER, ORDER, Changed, buckets_of, changes, ledger
from lakemint.publish.gold_shards import COPIES, GoldShards
from lakemint.publish.increment import Place, counted, shards_by_place, written_anew
from lakemint.publish.parquet_rows import RowReader
from lakemint.publish.plain import NotPlain
from lakemint.publish.shards import BUCKET
from lakemint.publish.source import Grown
from lakemint.publish.spill import Spill
from lakemint.publish.table_files import ChangeFile
from lakemint.published.columns import arrow_schema
from lakemint.published.content import NOTHING, total
from lakemint.published.records import FileRecord, Manifest
from lakemint.published.shards import merged, overlay_schema, read
from lakemint.work import each

_AT_ONCE: Final = 64 * 1024 * 1024
"""Bytes of changes that are worked on at once, of a bucket or several."""
_TYPE: Final = "_change_type"
_AFTER: Final = ("insert", "update_postimage")
_PLACE: Final = (SPLIT, BUCKET, SAMPLE_ID)


class Growth:
    """Grows a base by what changed in gold; raises NotPlain, IntegrityError, LakemintError and StoreError."""

    def __init__(self, gold: GoldShards, base: Manifest) -> None:
        self._gold, self._base = gold, base
        self._store, self._writer = gold.reader.store, gold.writer
        self._key_of = partial(Lake(gold.writer.address.lake).shard, gold.writer.dataset)
        self._shards = shards_by_place(base)
        self._told: list[dict[str, Any]] = []
        self._contents: dict[str, str] = {}
        self._anew: dict[Place, Mapping[str, Any]] = {}
        self._overlays: dict[Place, FileRecord] = {}
        self._lost: set[Place] = set()
        self._same_samples = True

    def grown(self, feed: Iterable[ChangeFile]) -> Grown:
        """Write the overlays and shards that these files ask for."""
        schema = self._gold.reader.schema
        schema = schema.append(pa.field(IS_AFTER, pa.bool_())).append(pa.field(ORDER, pa.int64()))
        with Spill(schema) as spill:
            each(lambda change: self._scatter(change, spill), feed)
            for first, last in _stretches(spill.sizes()):
                self._grow(changes(spill.read(first, last), self._gold.buckets, self._writer.growth))
        if self._lost:  # what is damaged in the base is made again of gold
            for row in self._gold.write(frozenset(self._lost)):
                self._anew[row["split"], row["bucket"]] = row
        return Grown(counted(self._told), self._contents, self._anew, self._overlays, self._same_samples)

    def _scatter(self, change: ChangeFile, spill: Spill) -> None:
        own, gold = change.came is None, self._gold.reader
        schema = gold.schema.append(pa.field(_TYPE, pa.string())) if own else gold.schema
        for batch in RowReader(gold.store, schema, gold.partitioned).batches(change.file):
            if batch.column(SPLIT).null_count:
                raise NotPlain("gold has rows of no split")
            if own:
                after = pc.is_in(batch.column(_TYPE), value_set=pa.array(_AFTER))
            else:
                after = pa.array(np.full(batch.num_rows, change.came))
            order = pc.add(after.cast(pa.int64()), 2 * change.version)
            columns = [*batch.select(gold.schema.names).columns, after, order]
            told = pa.RecordBatch.from_arrays(columns, [*gold.schema.names, IS_AFTER, ORDER])
            spill.write(told, buckets_of(batch.column(SAMPLE_ID), self._gold.buckets))

    def _grow(self, changed: Changed) -> None:
        """Write what these changes make of the shards of their buckets."""
        told = ledger(changed.told)
        anew = written_anew(self._base, counted(told))
        self._told += told
        self._same_samples = self._same_samples and changed.same_samples
        for split, content in changed.contents.items():
            self._contents[split] = total([self._contents.get(split, NOTHING), content])
        stored = [self._shards[place].stored for place in anew if place in self._shards]
        each(
            lambda item: self._write(*item, anew=item[0] in anew),
            _by_place(changed.told),
            COPIES * max(stored, default=_AT_ONCE // 8),
        )

    def _write(self, place: Place, rows: pa.Table, *, anew: bool) -> None:
        if not anew:
            made = self._writer.of_overlays().store(self._store, rows)
            self._overlays[place] = FileRecord(**{name: made[name] for name in FileRecord.model_fields})
            return
        try:
            whole = self._merged(place, rows)
        except IntegrityError:
            self._lost.add(place)
            return
        if whole.num_rows:
            self._anew[place] = {"bucket": place[1], **self._writer.store(self._store, whole)}

    def _merged(self, place: Place, rows: pa.Table) -> pa.Table:
        """The base's shard with the changes laid over it; raises IntegrityError when it is damaged."""
        schema = arrow_schema(self._writer.columns)
        over = overlay_schema(schema)
        if place in self._shards:
            below = read(self._store, self._key_of, self._shards[place], schema)
        else:
            below = pa.RecordBatch.from_pylist([], schema)
        laid = pa.concat_batches(rows.select(over.names).cast(over).to_batches())
        return pa.Table.from_batches([merged(below, [laid])])


def _stretches(sizes: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """First and last bucket of each stretch that is worked on at once, given the bytes of each bucket."""
    stretch: list[int] = []
    held = 0
    for bucket, size in sizes.items():
        if stretch and held + size > _AT_ONCE:
            yield stretch[0], stretch[-1]
            stretch, held = [], 0
        stretch.append(bucket)
        held += size
    if stretch:
        yield stretch[0], stretch[-1]


def _by_place(changed: pa.Table) -> Iterator[tuple[Place, pa.Table]]:
    """The changes of each place."""
    keys = [(name, "ascending") for name in _PLACE]
    rows = changed.take(pc.sort_indices(changed.select([*_PLACE]), sort_keys=keys))
    places = list(zip(rows[SPLIT].to_pylist(), rows[BUCKET].to_pylist(), strict=True))
    cuts = [at for at in range(1, len(places)) if places[at] != places[at - 1]]
    for begin, end in pairwise([0, *cuts, len(places)] if places else [0]):
        yield places[begin], rows.slice(begin, end - begin)
