"""Which samples a table of the road ties to a raw object, a source or an annotator; read without Spark."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from lakemint.delta_log import DeltaLog
from lakemint.errors import LakemintError, StoreUnavailable
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, TableVersion
from lakemint.publish.parquet_rows import RowReader, schema_of_table
from lakemint.publish.plain import NotPlain
from lakemint.publish.table_files import DataFile, TableFiles, TableState
from lakemint.store import Store

_MOST = 10_000
"""Values of the column that are remembered, to be named when those asked for are not among them."""


class TableSamples:
    """The samples of a table's rows that have one of these values in a column.

    A version names the state of the table that it was made of. Where that state is gone, as after an erasure
    or by a clean-up of old files, the newest one has to do. A file of several states is read once.
    """

    def __init__(
        self, store: Store, lake: Lake, dataset: str, table: str, asked: tuple[str, pa.Array]
    ) -> None:
        self._store, self._dataset, self.table = store, dataset, table
        self._log, self._files = DeltaLog(store, lake, dataset), TableFiles(store, lake, dataset, table)
        self._column, self._values = asked
        self._held: dict[str, pa.ChunkedArray] = {}
        """File → the ids of its rows that are meant."""
        self._states: dict[TableVersion, tuple[pa.Array, bool]] = {}
        self.known: set[str] = set()
        """Values that the column has anywhere."""

    def ids(self, at: TableVersion | None) -> tuple[pa.Array, bool]:
        """Their ids at that state, sorted, and whether it was that very state.

        Raises LakemintError when there is no table, or none that can be read without Spark, and StoreError.
        """
        if at is not None and at in self._states:
            return self._states[at]
        try:
            if at is None:
                raise NotPlain("no state was recorded")
            self._log.demand(self.table, at)
            found = self._ids(at.version), True
        except StoreUnavailable:
            raise
        except (NotPlain, LakemintError):
            found = self._newest(), False
        if at is not None:
            self._states[at] = found
        return found

    def _newest(self) -> pa.Array:
        try:
            return self._ids(self._log.need(self.table).version)
        except NotPlain as error:
            raise LakemintError(
                f"{self.table}/{self._dataset} cannot be read without Spark ({error}), so nobody can tell "
                f"which samples have that {self._column}"
            ) from error

    def _ids(self, version: int) -> pa.Array:
        state = self._files.state(version)
        missing = [name for name in (SAMPLE_ID, self._column) if name not in state.columns]
        if missing:
            raise NotPlain(f"{self.table} has no column {missing[0]}")
        chunks = [chunk for file in state.files for chunk in self._of_file(file, state).chunks]
        return pc.unique(pa.chunked_array(chunks, pa.string())).sort()

    def _of_file(self, file: DataFile, state: TableState) -> pa.ChunkedArray:
        if file.key not in self._held:
            self._held[file.key] = pa.chunked_array(self._read(file, state), pa.string())
        return self._held[file.key]

    def _read(self, file: DataFile, state: TableState) -> Iterator[pa.Array]:
        schema = schema_of_table({name: state.columns[name] for name in (SAMPLE_ID, self._column)})
        for batch in RowReader(self._store, schema, state.partitioned).batches(file):
            column = batch.column(self._column)
            if len(self.known) < _MOST:
                self.known.update(pc.unique(column.drop_null()).to_pylist()[:_MOST])
            yield batch.column(SAMPLE_ID).filter(pc.is_in(column, value_set=self._values))
