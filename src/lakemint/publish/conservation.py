"""Where raw records went, counted in the tables' files; `publish.transforms` does the same in Spark."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.names import SAMPLE_ID
from lakemint.publish.parquet_rows import RowReader, schema_of_table
from lakemint.publish.plain import NotPlain
from lakemint.publish.spill import Spill
from lakemint.publish.table_files import DataFile, TableState
from lakemint.published.fingerprint import Fingerprints
from lakemint.store.base import Store
from lakemint.work import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLES: Final[tuple[str, ...]] = ("objects", "quarantine", "rejected", "silver", "gold")
"""Those that are counted; the second and third may be missing, and hold none then."""
_AT_ONCE: Final = 4_000_000
"""Ids that are compared in memory at once; of more, those with like fingerprints."""


def count_records(
    store: Store, tables: Mapping[str, TableState], unlabeled: int | None
) -> Iterator[tuple[str, int]]:
    """(name, rows) of raw, quarantined, rejected, unlabeled, unless that is known, and published.

    Raises NotPlain, IntegrityError, LakemintError when there is no room for many ids, and StoreError.
    """
    yield "raw", _raw(store, tables["objects"])
    for name, table in (("quarantined", "quarantine"), ("rejected", "rejected"), ("published", "gold")):
        yield name, _rows(store, tables[table]) if table in tables else 0
    if unlabeled is None:
        unlabeled = _only_in(store, tables["silver"], tables["gold"])
    yield "unlabeled", unlabeled


def _raw(store: Store, objects: TableState) -> int:
    """All records of all objects, those of them that were quarantined included."""
    reader = _reader(store, objects, ("records", "quarantined"))
    total = 0
    for file in objects.files:
        for batch in reader.batches(file):
            both = pc.add(batch.column("records"), batch.column("quarantined"))
            total += pc.sum(both, min_count=0).as_py()
    return total


def _rows(store: Store, table: TableState) -> int:
    reader = _reader(store, table, ())
    return sum(reader.rows(file) for file in table.files)


def _only_in(store: Store, one: TableState, other: TableState) -> int:
    """Rows of a table whose sample is not in the other."""
    parts = 1 + (_rows(store, one) + _rows(store, other)) // _AT_ONCE
    mine, theirs = _reader(store, one, (SAMPLE_ID,)), _reader(store, other, (SAMPLE_ID,))
    with Spill(mine.schema) as here, Spill(mine.schema) as there:
        prints = Fingerprints()
        work = [(mine, file, here) for file in one.files] + [(theirs, file, there) for file in other.files]
        each(lambda item: _scatter(*item, prints, parts), work)
        sizes, _ = here.sizes(), there.sizes()
        return sum(_missing(here.read(part), there.read(part)) for part in sizes)


def _scatter(reader: RowReader, file: DataFile, spill: Spill, prints: Fingerprints, parts: int) -> None:
    for batch in reader.batches(file):
        spill.write(batch, _part_of(batch.column(SAMPLE_ID), prints, parts))


def _part_of(ids: pa.Array, prints: Fingerprints, parts: int) -> "NDArray[np.int64]":
    if parts == 1:
        return np.zeros(len(ids), np.int64)
    return (prints.column(SAMPLE_ID, ids) % np.uint64(parts)).astype(np.int64)


def _missing(ids: pa.Table, among: pa.Table) -> int:
    """How many ids are not among others; none is never there."""
    found = pc.is_in(ids[SAMPLE_ID], value_set=among[SAMPLE_ID].combine_chunks(), skip_nulls=True)
    return int(ids.num_rows - pc.sum(found, min_count=0).as_py())


def _reader(store: Store, table: TableState, names: tuple[str, ...]) -> RowReader:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise NotPlain(f"a table has no column {missing[0]}")
    schema = schema_of_table({name: table.columns[name] for name in names})
    return RowReader(store, schema, table.partitioned)
