"""MDS, the format of MosaicML Streaming: `<split>/shard.00000.mds`, and `<split>/index.json`.

Source: mosaicml/streaming, "Dataset Format", version 2 of its index.
"""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from lakemint.export.format import Reading, Written
from lakemint.export.samples import Layout, SampleFiles, Value, value_of
from lakemint.published.opened import OpenVersion

_NUMBERS: Final = {
    "int64": ("int", "<q"),
    "int32": ("int32", "<i"),
    "double": ("float64", "<d"),
    "float": ("float32", "<f"),
    "bool": ("uint8", "<?"),
}
"""Arrow's name of a type → MDS's, and `struct`'s; what MDS calls `int` comes back as Python's own."""


class Mds(SampleFiles):
    """A sample is a dict of the columns: text as `str`, bytes as `bytes`, times as text, truth as 0 and 1."""

    reading = Reading("https://github.com/mosaicml/streaming", "column")

    def name(self, index: int) -> str:
        return f"shard.{index:05d}.mds"

    def layout(self, version: OpenVersion) -> Layout:
        values = _values(version)
        own = json.dumps(_config(values), sort_keys=True).encode()
        return Layout(values, [value.size is None for value in values], own)

    def index(self, version: OpenVersion, files: Sequence[Written]) -> dict[str, Any]:
        config = _config(_values(version))
        return {"shards": [_shard(config, file) for file in files], "version": 2}


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
