"""The folder of an export: one process's alone while it is written, whole once it has a record."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from lakemint.errors import ExportError
from lakemint.export.format import Written
from lakemint.export.record import RECORD, Claim, ExportRecord, FileRecord, read_text
from lakemint.files import sync_folder

CLAIM = "lakemint.unfinished.json"
"""There while an export is being written, and after one that was killed."""
_UNFINISHED = ".unfinished"


def finished(folder: Path, claim: Claim) -> ExportRecord | None:
    """The record of the same export, whole and as it was written; None when the folder has no record.

    Raises ExportError when the record is of another version or format, or cannot be read, and when a file is
    gone or not as it was.
    """
    where = folder / RECORD
    if not where.is_file():
        return None
    try:
        record = ExportRecord.model_validate_json(read_text(where))
    except (ValidationError, ValueError) as error:
        raise ExportError(f"{where}: not the record of an export; name another folder") from error
    if not record.is_of(claim):
        raise ExportError(f"{folder} holds {record.version} as {record.to} already; name another folder")
    for file in record.files:
        if what := _damage(folder / file.path, file):
            raise ExportError(f"{folder / file.path}: {what}; remove {folder} and export again")
    return record


def require_free(folder: Path, claim: Claim) -> None:
    """Raises ExportError unless the folder is new, empty, or left by this very export, killed."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder} is no folder; name a new or empty one")
    if (folder / CLAIM).is_file():
        _require_ours(folder, (folder / CLAIM).read_bytes(), claim)
    elif any(folder.iterdir()):
        raise ExportError(f"{folder} is not empty and holds no export; name a new or empty folder")


@contextmanager
def claimed(folder: Path, claim: Claim) -> Iterator["Destination"]:
    """The folder, for this process alone. Raises ExportError as `require_free`, and while another writes."""
    require_free(folder, claim)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CLAIM).open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportError(f"another process is exporting into {folder}; wait for it") from error
        file.seek(0)
        found = file.read()
        _require_ours(folder, found, claim)
        file.write(claim.data[len(found) :])
        file.flush()
        os.fsync(file.fileno())
        yield Destination(folder)


class Destination:
    """Writes files that are whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / name

    def has(self, name: str) -> bool:
        return self.path(name).is_file()

    def write(self, name: str, fill: Callable[[Path], None]) -> None:
        """The file that `fill` makes, under its name once it has returned; none is left if it raises."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + _UNFINISHED)
        try:
            fill(unfinished)
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def written(self, name: str, split: str | None = None, rows: int | None = None) -> Written:
        """What is there now under a name."""
        return Written(name, self.path(name).stat().st_size, _sha256(self.path(name)), split, rows)

    def finish(self, record: ExportRecord) -> None:
        """The last step: the record, then no claim any more."""
        self.store(RECORD, record.text)
        self.path(CLAIM).unlink()
        sync_folder(self._folder)

    def store(self, name: str, content: bytes) -> None:
        def fill(path: Path) -> None:
            path.write_bytes(content)

        self.write(name, fill)


def _require_ours(folder: Path, found: bytes, claim: Claim) -> None:
    """A claim that was cut is of a process that was killed before it had written anything else."""
    if not claim.data.startswith(found):
        raise ExportError(
            f"{folder} holds the beginning of another export; remove it, or name another folder"
        )


def _damage(path: Path, file: FileRecord) -> str:
    if not path.is_file():
        return "gone since it was exported"
    if path.stat().st_size != file.bytes or _sha256(path) != file.sha256:
        return "changed since it was exported"
    return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
