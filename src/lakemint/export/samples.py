"""Files of samples behind a table of where each begins: what MDS shards and LitData chunks have in common.

A file is: a uint32 of how many samples there are; a uint32 of where each begins, and one of where the last
ends; some bytes of the format's own; the samples. A sample is a uint32 of the size of each value, save those
whose size needs no telling, and the values. All numbers are little-endian.
"""

import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lakemint.errors import ExportError
from lakemint.export.format import Part, Reading, Written, cut
from lakemint.names import SAMPLE_ID
from lakemint.published.opened import OpenVersion

FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of shards that go into one file: training nodes fetch such files whole."""
_LONGEST: Final = 2**32 - 1
"""Where a sample begins is told in 32 bits."""
_BATCH = 256
"""Rows that are turned into Python's values, and back, at a time."""


@dataclass(frozen=True)
class Value:
    """How one column's values become bytes, and Python's values again."""

    column: str
    encoding: str
    """The format's name for it."""
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    size: int | None = None
    """Of every value, in bytes; None when each has its own."""


@dataclass(frozen=True)
class Layout:
    """What samples look like in a file of a format."""

    values: Sequence[Value]
    told: Sequence[bool]
    """Whether a value's size stands before it."""
    own: bytes = b""
    """The format's own bytes, between the table and the samples."""

    def write(self, batches: Iterable[pa.RecordBatch], rows: int, path: Path) -> None:
        """A file of these `rows` rows; raises ExportError for a null, and for more than 4 GiB."""
        begins = np.zeros(rows + 1, np.uint64)
        begins[0] = 4 + 4 * len(begins) + len(self.own)
        with path.open("wb") as file:
            file.seek(int(begins[0]))
            for number, sample in enumerate(self._samples(batches), start=1):
                file.write(sample)
                begins[number] = file.tell()
            if begins[-1] > _LONGEST:
                raise ExportError(f"{path.name} would have {begins[-1]:,} bytes, {_LONGEST:,} at most")
            file.seek(0)
            file.write(struct.pack("<I", rows) + begins.astype("<u4").tobytes() + self.own)

    def read(self, path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of such a file; raises ValueError for what is none."""
        with path.open("rb") as file:
            size = path.stat().st_size
            (rows,) = struct.unpack("<I", file.read(4))
            begins = np.frombuffer(file.read(min(4 * (rows + 1), size)), "<u4").astype(np.int64)
            if len(begins) != rows + 1 or begins[-1] != size or file.read(len(self.own)) != self.own:
                raise ValueError("its head does not fit")
            held: list[dict[str, Any]] = []
            for begin, end in pairwise(begins.tolist()):
                held.append(self._row(file.read(end - begin)))
                if len(held) == _BATCH:
                    yield pa.RecordBatch.from_pylist(held, schema=schema)
                    held = []
            yield pa.RecordBatch.from_pylist(held, schema=schema)

    def _samples(self, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        for batch in batches:
            _require_no_nulls(batch)
            for start in range(0, batch.num_rows, _BATCH):
                yield from map(self._sample, self._python(batch.slice(start, _BATCH)))

    def _python(self, batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
        """A tuple of Python's values for each row."""
        columns = []
        for value in self.values:
            try:
                columns.append(batch.column(value.column).to_pylist())
            except (ValueError, OverflowError) as error:
                raise ExportError(
                    f"the column {value.column} has a time outside of the years 1 to 9999; export to parquet"
                ) from error
        return zip(*columns, strict=True)

    def _sample(self, row: tuple[Any, ...]) -> bytes:
        encoded = [value.encode(one) for value, one in zip(self.values, row, strict=True)]
        sizes = [len(one) for one, told in zip(encoded, self.told, strict=True) if told]
        return struct.pack(f"<{len(sizes)}I", *sizes) + b"".join(encoded)

    def _row(self, sample: bytes) -> dict[str, Any]:
        sizes = list(struct.unpack_from(f"<{sum(self.told)}I", sample))
        place, row = 4 * len(sizes), {}
        for value, told in zip(self.values, self.told, strict=True):
            size = sizes.pop(0) if told else value.size or 0
            row[value.column] = value.decode(sample[place : place + size])
            place += size
        if place != len(sample):
            raise ValueError(f"a sample has {len(sample):,} bytes, its values {place:,}")
        return row


class SampleFiles(ABC):
    """A format of such files, with an index beside those of each split."""

    reading: Reading

    @abstractmethod
    def name(self, index: int) -> str:
        """Of a split's file, counted from 0."""

    @abstractmethod
    def layout(self, version: OpenVersion) -> Layout:
        """What samples look like."""

    @abstractmethod
    def index(self, version: OpenVersion, files: Sequence[Written]) -> dict[str, Any]:
        """What the index says of one split's files."""

    def parts(self, version: OpenVersion) -> list[Part]:
        return [
            Part(f"{split}/{self.name(index)}", split, shards)
            for split in version.splits
            for index, shards in enumerate(cut(version.manifest.splits[split].shards, FILE_BYTES))
        ]

    def write(self, version: OpenVersion, part: Part, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        self.layout(version).write(batches, part.rows, path)

    def read(self, version: OpenVersion, path: Path) -> Iterator[pa.RecordBatch]:
        yield from self.layout(version).read(path, version.schema)

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        held: dict[str, list[Written]] = {}
        for file in files:
            held.setdefault(str(file.split), []).append(file)
        return {
            f"{split}/index.json": json.dumps(self.index(version, own), sort_keys=True)
            for split, own in held.items()
        }


def value_of(column: str, kind: str, numbers: Mapping[str, tuple[str, str]]) -> Value:
    """How values of a published type become bytes: text, bytes, times as text in ISO 8601, and numbers.

    `numbers`: Arrow's name of a type → the format's name for it, and `struct`'s.
    """
    if kind in numbers:
        encoding, form = numbers[kind]
        packed = struct.Struct(form)
        return Value(column, encoding, packed.pack, lambda data: packed.unpack(data)[0], packed.size)
    if kind == "binary":
        return Value(column, "bytes", bytes, bytes)
    read = {"date32[day]": date.fromisoformat, "timestamp[us, tz=UTC]": datetime.fromisoformat}.get(kind)
    if read is None:
        return Value(column, "str", str.encode, bytes.decode)
    return Value(column, "str", lambda time: time.isoformat().encode(), lambda data: read(data.decode()))


def _require_no_nulls(batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count:
            sample = batch.column(SAMPLE_ID)[column.is_null().index(True).as_py()]
            raise ExportError(
                f"the column {name} has no value in sample {sample.as_py()}, and this format has no nulls: "
                "export to parquet or webdataset"
            )
