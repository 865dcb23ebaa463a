"""`lakemint.json`: what an export holds. It is written last, so that a folder with one is whole."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lakemint.digest import canonical
from lakemint.export.format import Written
from lakemint.published.records import MAX_BYTES, Count, Digest

RECORD = "lakemint.json"


class FileRecord(BaseModel):
    """One file: path with slashes, size in bytes; split and rows where it holds examples."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")]
    bytes: Count
    sha256: Digest
    split: str | None = None
    rows: Count | None = None


class Claim(BaseModel):
    """Which export this is: the same claim makes the same files."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    format: Literal["lakemint.export/1"] = "lakemint.export/1"
    version: str
    """`reviews@3`"""
    digest: Digest
    """Of the version's manifest."""
    to: str
    """The format's name."""
    lakemint: str

    @property
    def data(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    def is_of(self, other: "Claim") -> bool:
        """Whether both are exports of one content in one format, by whatever Lakemint."""
        return (self.digest, self.to) == (other.digest, other.to)


class ExportRecord(Claim):
    """A claim that was fulfilled."""

    splits: dict[str, Count]
    """Split → rows, also of empty splits."""
    labels: list[str]
    """Every label of the version, sorted: where a format stores a label's number, it is the place in here."""
    files: list[FileRecord]

    @property
    def text(self) -> bytes:
        """As it is stored, for people and programs."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), indent=1).encode() + b"\n"


def file_record(written: Written) -> FileRecord:
    return FileRecord(**vars(written))


def read_text(path: Path) -> bytes:
    """A record's bytes; raises OSError, and ValueError when they are too many."""
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES:,} bytes")
    return data
