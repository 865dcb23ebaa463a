"""Exporting: a version's shards in, files of a format out, one file at a time."""

import struct
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Final

import pyarrow as pa

from lakemint.config import Config
from lakemint.datacard.compose import compose
from lakemint.datacard.facts import card_facts
from lakemint.datacard.lengths import Lengths
from lakemint.datacard.markdown import markdown
from lakemint.datacard.page import page
from lakemint.errors import ExportError
from lakemint.export.comparison import Rows
from lakemint.export.croissant import NAME as CROISSANT
from lakemint.export.croissant import as_text, croissant
from lakemint.export.destination import Destination, claimed, finished, require_free
from lakemint.export.format import README, Format, Part, Written
from lakemint.export.huggingface import HuggingFace
from lakemint.export.litdata import LitData
from lakemint.export.mds import Mds
from lakemint.export.parquet import Parquet
from lakemint.export.record import Claim, ExportRecord, file_record
from lakemint.export.webdataset import WebDataset
from lakemint.names import Reference
from lakemint.published.opened import OpenVersion, open_published
from lakemint.published.shards import Progress
from lakemint.published.version_record import require_open

CARD: Final = "card.html"
FORMATS: Final[dict[str, Format]] = {
    "parquet": Parquet(),
    "huggingface": HuggingFace(),
    "webdataset": WebDataset(),
    "mds": Mds(),
    "litdata": LitData(),
}
"""What a version can be exported to."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote, found written already, or would write."""

    name: str
    """`reviews@3`"""
    digest: str
    to: str
    folder: str
    rows: int
    splits: dict[str, int]
    files: list[str]
    """Relative to the folder; of a dry run, those with examples."""
    bytes: int
    """Of the files; of a dry run, of the shards they would be made from."""
    changed: bool
    """False when the folder held all of it already."""
    dry_run: bool


def export(
    config: Config,
    reference: Reference,
    to: str,
    folder: Path,
    progress: Progress = lambda done, total: None,
) -> Exported:
    """Write a version into a new or empty folder; take up an export of it that was cut short.

    Each file is written beside its place, read back, compared with the version row by row, and only then
    renamed; the record comes last. It holds one shard, and 8 bytes for each row of one file. Where the same
    export is whole already, its files are checked by their digests, and nothing is written.

    Raises ExportError, VersionNotFound, IntegrityError, FormatError, StoreError.
    """
    version, claim = _opened(config, reference, to)
    with _translated(folder):
        if record := finished(folder, claim):
            return _exported(record, folder, changed=False)
        with claimed(folder, claim) as destination:
            record = _Export(config, version, FORMATS[to], destination, progress).run(claim)
    return _exported(record, folder, changed=True)


def plan(config: Config, reference: Reference, to: str, folder: Path) -> Exported:
    """What `export` would do there; writes nothing, reads no shard. Raises as `export`."""
    version, claim = _opened(config, reference, to)
    with _translated(folder):
        if record := finished(folder, claim):
            return replace(_exported(record, folder, changed=False), dry_run=True)
        require_free(folder, claim)
    parts = FORMATS[to].parts(version)
    return Exported(
        name=claim.version,
        digest=claim.digest,
        to=to,
        folder=str(folder),
        rows=sum(version.splits.values()),
        splits=version.splits,
        files=[part.path for part in parts],
        bytes=sum(part.bytes for part in parts),
        changed=True,
        dry_run=True,
    )


def _opened(config: Config, reference: Reference, to: str) -> tuple[OpenVersion, Claim]:
    if to not in FORMATS:
        raise ExportError(f"no format {to!r}: there are {', '.join(FORMATS)}")
    version = open_published(config, reference)
    require_open(version.store, version.lake, version.record)
    claim = Claim(version=str(reference), digest=version.digest, to=to, lakemint=installed("lakemint"))
    return version, claim


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turns the system's errors into ours, with the file named."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: {error.strerror or error}") from error


class _Export:
    """One version into one claimed folder."""

    def __init__(
        self,
        config: Config,
        version: OpenVersion,
        format_: Format,
        destination: Destination,
        progress: Progress,
    ) -> None:
        self._config, self._lengths = config, Lengths(version.schema)
        self._version, self._format, self._destination = version, format_, destination
        self._progress = progress
        self._parts = format_.parts(version)
        self._total, self._done = sum(part.bytes for part in self._parts), 0

    def run(self, claim: Claim) -> ExportRecord:
        files = [self._part(part) for part in self._parts]
        beside = dict(self._format.companions(self._version, files))
        card = compose(card_facts(self._config, self._version, self._lengths))
        beside |= {README: beside.get(README, "") + markdown(card), CARD: page(card)}
        files += [self._store(name, text) for name, text in beside.items()]
        described = croissant(self._version, files, self._format.reading)
        files.append(self._store(CROISSANT, as_text(described)))
        record = ExportRecord(
            **claim.model_dump(),
            splits=self._version.splits,
            labels=self._version.labels,
            files=[file_record(file) for file in files],
        )
        self._destination.finish(record)
        return record

    def _store(self, name: str, text: str) -> Written:
        self._destination.store(name, text.encode())
        return self._destination.written(name)

    def _part(self, part: Part) -> Written:
        rows = Rows(self._version.schema)
        batches = rows.passing(self._told(part))
        if self._destination.has(part.path):  # by an export that was cut short; it may have been harmed since
            for _ in batches:
                pass
            self._require_same(rows, part, self._destination.path(part.path))
        else:

            def fill(path: Path) -> None:
                self._format.write(self._version, part, batches, path)
                self._require_same(rows, part, path)

            self._destination.write(part.path, fill)
        return self._destination.written(part.path, part.split, part.rows)

    def _told(self, part: Part) -> Iterator[pa.RecordBatch]:
        for shard in part.shards:
            yield from self._lengths.passing(self._version.rows([shard]))
            self._done += shard.stored
            self._progress(self._done, self._total)

    def _require_same(self, rows: Rows, part: Part, path: Path) -> None:
        """Raises ExportError, naming the file, unless it holds the rows that passed."""
        try:
            what = rows.difference(self._format.read(self._version, path))
        except (pa.ArrowException, tarfile.TarError, struct.error, OSError, ValueError, KeyError) as error:
            what = f"it cannot be read back ({error})"
        if what:
            raise ExportError(
                f"{self._destination.path(part.path)}: not what {self._version.reference} holds: {what}; "
                "is the disk sound? Remove the folder and export again"
            )


def _exported(record: ExportRecord, folder: Path, changed: bool) -> Exported:
    return Exported(
        name=record.version,
        digest=record.digest,
        to=record.to,
        folder=str(folder),
        rows=sum(record.splits.values()),
        splits=record.splits,
        files=[file.path for file in record.files],
        bytes=sum(file.bytes for file in record.files),
        changed=changed,
        dry_run=False,
    )
