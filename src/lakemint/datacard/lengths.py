"""How long the texts and bytes of a version are, counted while its rows pass by."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.names import LABEL, SAMPLE_ID, SOURCE

_NAMES = (SAMPLE_ID, SOURCE, LABEL)
"""Columns of text that say what a row is, and are no payload."""


@dataclass
class Spread:
    """The lengths of one column."""

    unit: str
    """`characters`, or `bytes`."""
    values: int = 0
    nulls: int = 0
    total: int = 0
    least: int = 0
    most: int = 0
    bins: dict[int, int] = field(default_factory=dict)
    """k → values of length 2^(k-1) to 2^k - 1; 0 → empty ones. They are the same in every version."""

    @property
    def mean(self) -> float:
        return self.total / self.values if self.values else 0.0

    def add(self, lengths: "np.ndarray[Any, np.dtype[np.int64]]", nulls: int) -> None:
        """Count more values: (values,) lengths."""
        self.nulls += nulls
        if not len(lengths):
            return
        self.least = int(lengths.min()) if not self.values else min(self.least, int(lengths.min()))
        self.most = max(self.most, int(lengths.max()))
        self.values += len(lengths)
        self.total += int(lengths.sum())
        # The binary exponent of n is the number of its bits.
        found, counts = np.unique(np.frexp(lengths.astype(np.float64))[1], return_counts=True)
        for bits, count in zip(found.tolist(), counts.tolist(), strict=True):
            self.bins[bits] = self.bins.get(bits, 0) + count


class Lengths:
    """Column → its spread, for every column of payload."""

    def __init__(self, schema: pa.Schema) -> None:
        self.spreads = {
            column.name: Spread("characters" if pa.types.is_string(column.type) else "bytes")
            for column in schema
            if column.name not in _NAMES
            and (pa.types.is_string(column.type) or pa.types.is_binary(column.type))
        }

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches; their values are counted."""
        for batch in batches:
            for name, spread in self.spreads.items():
                column = batch.column(name)
                measure = pc.utf8_length if spread.unit == "characters" else pc.binary_length
                lengths = measure(column).drop_null().cast(pa.int64())
                spread.add(lengths.to_numpy(zero_copy_only=False), column.null_count)
            yield batch
