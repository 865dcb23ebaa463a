"""The format of LitData: `<split>/chunk-0-0.bin`, and `<split>/index.json`.

Source: Lightning-AI/litdata, `litdata.streaming.writer`, its `PyTreeLoader` format.
"""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from lakemint.export.format import Reading, Written
from lakemint.export.samples import FILE_BYTES, Layout, SampleFiles, Value, value_of
from lakemint.published.opened import OpenVersion

_NUMBERS: Final = {
    "int64": ("int", "<q"),
    "int32": ("int", "<q"),
    "double": ("float", "<d"),
    "float": ("float", "<d"),
    "bool": ("bool", "<?"),
}
"""Arrow's name of a type → LitData's, and `struct`'s."""


class LitData(SampleFiles):
    """A sample is a dict of the columns: text as `str`, bytes as `bytes`, dates and times as text."""

    reading = Reading("https://github.com/Lightning-AI/litData", "column")

    def name(self, index: int) -> str:
        return f"chunk-0-{index}.bin"

    def layout(self, version: OpenVersion) -> Layout:
        values = [value_of(column.name, column.type, _NUMBERS) for column in version.manifest.columns]
        return Layout(values, [True] * len(values))

    def index(self, version: OpenVersion, files: Sequence[Written]) -> dict[str, Any]:
        return {"chunks": [_chunk(file) for file in files], "config": _config(self.layout(version).values)}


def _config(values: Sequence[Value]) -> dict[str, Any]:
    return {
        "chunk_bytes": FILE_BYTES,
        "chunk_size": None,
        "compression": None,
        "data_format": [value.encoding for value in values],
        "data_spec": _tree([value.column for value in values]),
        "encryption": None,
        "item_loader": "PyTreeLoader",
    }


def _tree(columns: list[str]) -> str:
    """A dict with these keys, as PyTorch's `treespec_dumps` writes the structure of a sample."""
    leaf: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
    spec = {"type": "builtins.dict", "context": json.dumps(columns), "children_spec": [leaf] * len(columns)}
    return json.dumps([1, spec])


def _chunk(file: Written) -> dict[str, Any]:
    name = PurePosixPath(file.path).name
    return {"chunk_bytes": file.bytes, "chunk_size": file.rows, "dim": None, "filename": name}
