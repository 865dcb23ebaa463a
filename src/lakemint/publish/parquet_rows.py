"""A table's Parquet files as Arrow batches of the table's columns, just as Spark would read them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakemint.errors import IntegrityError, ObjectNotFound
from lakemint.publish.plain import NotPlain
from lakemint.publish.table_files import DataFile
from lakemint.published.columns import ARROW_OF_SPARK, SPARK_OF_DELTA, arrow_schema
from lakemint.store.base import Store

BATCH: Final = 16 * 1024 * 1024
"""Bytes of a batch, or so."""
_ROWS: Final = 65536
"""Rows of a batch, at most."""
_GROUP: Final = 1024 * 1024 * 1024
"""Bytes of a row group, at most: nobody's writer makes larger ones, and one must fit into memory."""
_COARSE: Final = {pa.timestamp("us", "UTC"): pa.timestamp("ms", "UTC")}
_OLD: Final = pa.timestamp("us")
"""What INT96 is read as; it means UTC."""
_BUFFER: Final = 1024 * 1024
"""Bytes that are read of a column at a time."""


def schema_of_table(columns: Mapping[str, str]) -> pa.Schema:
    """Of columns by name, with their types as Delta's log names them; raises NotPlain for other types."""
    kinds = {name: SPARK_OF_DELTA.get(kind, kind) for name, kind in columns.items()}
    for name, kind in kinds.items():
        if kind not in ARROW_OF_SPARK:
            raise NotPlain(f"the column {name} has {kind}")
    return arrow_schema((name, ARROW_OF_SPARK[kind]) for name, kind in kinds.items())


@dataclass(frozen=True)
class RowReader:
    """Reads some columns of a table's files: those of `schema`, in its order and of its types."""

    store: Store
    schema: pa.Schema
    partitioned: frozenset[str] = frozenset()

    def groups(self, file: DataFile) -> int:
        """How many row groups a file has; raises as `batches`."""
        with self._opened(file) as opened:
            return int(opened.metadata.num_row_groups)

    def rows(self, file: DataFile) -> int:
        """How many rows a file has; raises as `batches`."""
        if file.rows is not None:
            return file.rows
        with self._opened(file) as opened:
            return int(opened.metadata.num_rows)

    def batches(self, file: DataFile, groups: range | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of some row groups, or all, `BATCH` bytes or so at a time; columns it lacks are null.

        Raises NotPlain, IntegrityError, naming the file, when it is gone or no Parquet, and StoreError.
        """
        with self._opened(file) as opened:
            wanted = range(opened.metadata.num_row_groups) if groups is None else groups
            names = self._names(opened, file.key)
            size = _batch_rows(opened.metadata, {*names}, wanted, file.key)
            for batch in opened.iter_batches(size, row_groups=[*wanted], columns=names, use_threads=False):
                yield self._whole(batch, file)

    @contextmanager
    def _opened(self, file: DataFile) -> Iterator[pq.ParquetFile]:
        try:
            with self.store.seekable(file.key) as stream:
                options = {"coerce_int96_timestamp_unit": "us", "pre_buffer": False, "buffer_size": _BUFFER}
                with pq.ParquetFile(stream, **options) as opened:
                    yield opened
        except ObjectNotFound as error:
            raise IntegrityError(f"{file.key}: a file of the table is gone; restore it") from error
        except (pa.ArrowException, OSError) as error:
            raise IntegrityError(f"{file.key}: not a sound Parquet file ({error})") from error

    def _names(self, opened: pq.ParquetFile, key: str) -> list[str]:
        """The columns that the file has of those wanted; raises NotPlain when they are of other types."""
        physical = {
            column.path: column.physical_type
            for column in map(opened.schema.column, range(len(opened.schema)))
        }
        there = opened.schema_arrow
        if len({name.lower() for name in there.names}) < len(there.names):
            raise NotPlain(f"{key} has two columns of one name")
        stored = {name.lower(): name for name in there.names}
        names = []
        for field in self.schema:
            if field.name in self.partitioned or field.name.lower() not in stored:
                continue
            if stored[field.name.lower()] != field.name:
                raise NotPlain(f"{key} spells the column {field.name} in another way")
            names.append(field.name)
            found, is_old = there.field(field.name).type, physical.get(field.name) == "INT96"
            if found not in (field.type, _COARSE.get(field.type)) and not (is_old and found == _OLD):
                raise NotPlain(f"{key} has {field.name} as {found}")
            if pa.types.is_temporal(field.type) and not _counts_as_today(opened.metadata.metadata or {}):
                raise NotPlain(f"{key} may count the days of its dates as long ago")
        return names

    def _whole(self, batch: pa.RecordBatch, file: DataFile) -> pa.RecordBatch:
        arrays = [self._column(batch, field, file) for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, batch: pa.RecordBatch, field: pa.Field, file: DataFile) -> pa.Array:
        rows = batch.num_rows
        if field.name in self.partitioned:
            if not pa.types.is_string(field.type):
                raise NotPlain(f"{file.key} is of a partition by {field.name}, which is no text")
            # An empty text and none at all are one there.
            return pa.repeat(pa.scalar(file.values.get(field.name) or None, field.type), rows)
        if field.name not in batch.schema.names:
            return pa.nulls(rows, field.type)
        column = batch.column(field.name)
        return column.view(field.type) if column.type == _OLD else column.cast(field.type)


def _batch_rows(metadata: Any, names: set[str], groups: range, key: str) -> int:
    """How many rows of these columns come to `BATCH` bytes, where they are largest; raises NotPlain."""
    size = 0.0
    for group in map(metadata.row_group, groups):
        columns = (group.column(index) for index in range(group.num_columns))
        held = sum(one.total_uncompressed_size for one in columns if one.path_in_schema in names)
        if held > _GROUP:
            raise NotPlain(f"{key} has a row group of {held} bytes, {_GROUP} at most")
        size = max(size, held / max(1, group.num_rows))
    return max(1, min(_ROWS, int(BATCH / max(size, 1))))


def _counts_as_today(metadata: Mapping[bytes, bytes]) -> bool:
    """Whether Spark wrote the file with days as it reads them: before 3.0 it had another calendar.

    https://spark.apache.org/docs/latest/sql-data-sources-parquet.html (rebase modes)
    """
    version = metadata.get(b"org.apache.spark.version", b"0").partition(b".")[0]
    legacy = {b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96"}
    return version.isdigit() and int(version) >= 3 and legacy.isdisjoint(metadata)
