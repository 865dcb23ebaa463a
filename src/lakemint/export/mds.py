"""MDS, the format of MosaicML Streaming: `<split>/shard.00000.mds`, and `<split>/index.json`.

Source: mosaicml/streaming, "Dataset Format", version 2 of its index.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyarrow as pa

from lakemint.export.format import Part, Reading, Written, cut
from lakemint.export.samples import FILE_BYTES, Layout, Value, value_of
from lakemint.published.opened import OpenVersion

_NUMBERS: Final = {
    "int64": ("int", "<q"),
    "int32": ("int32", "<i"),
    "double": ("float64", "<d"),
    "float": ("float32", "<f"),
    "bool": ("uint8", "<?"),
}
"""Arrow's name of a type → MDS's, and `struct`'s; what MDS calls `int` comes back as Python's own."""


class Mds:
    """A sample is a dict of the columns: text as `str`, bytes as `bytes`, times as text, truth as 0 and 1."""

    reading = Reading("https://github.com/mosaicml/streaming", "column")

    def parts(self, version: OpenVersion) -> list[Part]:
        return [
            Part(f"{split}/shard.{index:05d}.mds", split, shards)
            for split in version.splits
            for index, shards in enumerate(cut(version.manifest.splits[split].shards, FILE_BYTES))
        ]

    def write(self, version: OpenVersion, part: Part, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        _layout(version).write(batches, part.rows, path)

    def read(self, version: OpenVersion, path: Path) -> Iterator[pa.RecordBatch]:
        yield from _layout(version).read(path, version.schema)

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        config = _config(_values(version))
        shards: dict[str, list[dict[str, Any]]] = {}
        for file in files:
            shards.setdefault(str(file.split), []).append(_shard(config, file))
        return {
            f"{split}/index.json": json.dumps({"shards": held, "version": 2}, sort_keys=True)
            for split, held in shards.items()
        }


def _layout(version: OpenVersion) -> Layout:
    values = _values(version)
    own = json.dumps(_config(values), sort_keys=True).encode()
    return Layout(values, [value.size is None for value in values], own)


def _values(version: OpenVersion) -> list[Value]:
    """By name, as the format has them."""
    found = [value_of(column.name, column.type, _NUMBERS) for column in version.manifest.columns]
    return sorted(found, key=lambda value: value.column)


def _config(values: Sequence[Value]) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": ["sha256"],
        "size_limit": None,
        "column_names": [value.column for value in values],
        "column_encodings": [value.encoding for value in values],
        "column_sizes": [value.size for value in values],
    }


def _shard(config: dict[str, Any], file: Written) -> dict[str, Any]:
    name = PurePosixPath(file.path).name
    raw = {"basename": name, "bytes": file.bytes, "hashes": {"sha256": file.sha256}}
    return {**config, "samples": file.rows, "raw_data": raw, "zip_data": None}
