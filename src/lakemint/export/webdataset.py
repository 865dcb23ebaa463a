"""WebDataset: tar files in which the files of one sample stand together, `<sample_id>.<what>`."""

import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lakemint.errors import ExportError
from lakemint.export.format import Part, Reading, Written, cut, safe
from lakemint.export.plain import from_plain, to_plain
from lakemint.names import LABEL, SAMPLE_ID
from lakemint.published.opened import OpenVersion

_BATCH = 256
"""Rows that are turned into Python's values, and back, at a time."""
_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
)
"""How a file of a kind begins, and the ending of its name."""

Row = dict[str, Any]
Numbering = Callable[[Any], int | None]


class WebDataset:
    """`<key>.json` has all columns but bytes, `<key>.cls` the label's number, `<key>.<column>.png` the bytes.

    The number is the label's place among all labels of the version, sorted, or an integer label itself. A
    null of bytes has no file.
    """

    reading = Reading("application/x-tar", "jsonPath", ("*.json", "application/json"))

    def parts(self, version: OpenVersion) -> list[Part]:
        return [
            Part(f"{split}-{index:06d}.tar", split, shards)
            for split in version.splits
            for index, shards in enumerate(cut(version.manifest.splits[split].shards))
        ]

    def write(self, version: OpenVersion, part: Part, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        number_of = _numbering(version)
        with tarfile.open(path, "w") as tar:
            for batch in batches:
                for row in _rows(batch):
                    for name, content in _members(row, version.schema, number_of):
                        member = tarfile.TarInfo(name)  # no time, no owner: the same rows, the same bytes
                        member.size = len(content)
                        tar.addfile(member, BytesIO(content))
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all

    def read(self, version: OpenVersion, path: Path) -> Iterator[pa.RecordBatch]:
        number_of = _numbering(version)
        held: list[Row] = []
        for files in _samples(path):
            held.append(_row(files, version.schema, number_of))
            if len(held) == _BATCH:
                yield pa.RecordBatch.from_pylist(held, schema=version.schema)
                held = []
        yield pa.RecordBatch.from_pylist(held, schema=version.schema)

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        return {}


def _numbering(version: OpenVersion) -> Numbering:
    """From a label to its number, None where it has none; raises ExportError for one that is not counted."""
    if LABEL not in version.schema.names:
        return lambda label: None
    kind = version.schema.field(LABEL).type
    if pa.types.is_integer(kind):
        return lambda label: label
    if not pa.types.is_string(kind):
        return lambda label: None
    numbers = {label: number for number, label in enumerate(version.labels)}

    def number(label: str | None) -> int | None:
        if label is not None and label not in numbers:
            raise ExportError(f"the label {label!r} is in the shards, but not in the manifest's counts")
        return None if label is None else numbers[label]

    return number


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for start in range(0, batch.num_rows, _BATCH):
        yield from to_plain(batch.slice(start, _BATCH))


def _members(row: Row, schema: pa.Schema, number_of: Numbering) -> Iterator[tuple[str, bytes]]:
    """(name, content) of a sample's files, in an order that is always the same."""
    if not row[SAMPLE_ID]:
        raise ExportError(f"a row has no {SAMPLE_ID}, and a WebDataset's files are named by it")
    key = safe(row[SAMPLE_ID])
    columns = _byte_columns(schema)
    fields = {name: value for name, value in row.items() if name not in columns}
    yield f"{key}.json", json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    number = number_of(row.get(LABEL))
    if number is not None:
        yield f"{key}.cls", str(number).encode()
    for column in columns:
        content = row[column]
        if content is not None:
            yield f"{key}.{safe(column)}.{_kind(content)}", content


def _row(files: dict[str, bytes], schema: pa.Schema, number_of: Numbering) -> Row:
    """The row that a sample's files hold; raises ValueError, KeyError when they hold none."""
    row: Row = from_plain(json.loads(files.pop("json")), schema)
    number = number_of(row.get(LABEL))
    if files.pop("cls", None) != (None if number is None else str(number).encode()):
        raise ValueError(f"the cls of {row[SAMPLE_ID]} is not the number of its label")
    found = {name.rpartition(".")[0]: content for name, content in files.items()}
    return {**row, **{column: found.get(safe(column)) for column in _byte_columns(schema)}}


def _samples(path: Path) -> Iterator[dict[str, bytes]]:
    """The files of each sample, by what stands behind the key's dot."""
    with tarfile.open(path, "r|") as tar:
        for _, members in groupby(_contents(tar), key=lambda member: member[0]):
            yield {what: content for _, what, content in members}


def _contents(tar: tarfile.TarFile) -> Iterator[tuple[str, str, bytes]]:
    """(key, what, content) of each file."""
    while member := tar.next():
        tar.members.clear()  # type: ignore[attr-defined]
        stream = tar.extractfile(member)
        if stream is None:
            raise ValueError(f"{member.name!r} is no file")
        key, _, what = member.name.partition(".")
        yield key, what, stream.read()


def _byte_columns(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_binary(field.type)]


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for begin, kind in _KINDS if content.startswith(begin)), "bin")
