"""Whether a file, read back, has the very rows it was written from."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.published.fingerprint import Fingerprints

if TYPE_CHECKING:
    from lakemint.published.fingerprint import Prints


class Rows:
    """Rows that passed by, remembered as a fingerprint each, 8 bytes, in their order."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._prints = Fingerprints()
        self._seen: list[Prints] = []

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches; their rows are remembered."""
        for batch in batches:
            self._seen.append(self._of(batch))
            yield batch

    def difference(self, batches: Iterable[pa.RecordBatch]) -> str:
        """The first thing, in words, in which these rows differ from those that passed; empty when none.

        Two rows that differ are taken for the same with a chance below 2^-55.
        """
        wanted = np.concatenate([*self._seen, np.zeros(0, np.uint64)])
        done = 0
        for batch in batches:
            if not batch.schema.equals(self._schema):
                return f"its columns are {_listed(batch.schema)}, not {_listed(self._schema)}"
            other = self._of(batch)
            expected = wanted[done : done + len(other)]
            differing = np.flatnonzero(other[: len(expected)] != expected)
            if len(differing):
                return f"row {done + differing[0] + 1:,} is not that of the version"
            done += len(other)
        return "" if done == len(wanted) else f"{done:,} rows, the version has {len(wanted):,} there"

    def _of(self, batch: pa.RecordBatch) -> "Prints":
        # A format may keep no more of a NaN than that it is one.
        columns = [_one_nan(column) for column in batch.columns]
        plain = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
        return self._prints.rows(plain, plain.schema.names)


def _one_nan(values: pa.Array) -> pa.Array:
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(float("nan"), values.type), values)


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
