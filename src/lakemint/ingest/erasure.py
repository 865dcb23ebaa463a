"""Takes a data subject out of raw objects and recorded answers, line by line.

What was a line of the subject's is a blank line then, so that every other record stays at the line that is
its provenance. The object is replaced in one step, by one that was read and found to hold nothing of the
subject any more, and all the rest as before.
"""

import gzip
import os
from bisect import bisect_left
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from lakemint.errors import LakemintError, ObjectExists, ObjectNotFound, StoreUnavailable
from lakemint.ingest.formats import Problem, encoding
from lakemint.ingest.lines import BOM, Broken, decoded
from lakemint.ingest.readings import Raw, Readings
from lakemint.ingest.traces import Item, Trace, Watch, held_in, items
from lakemint.store import Store
from lakemint.subjects import Subjects

_TRAILER = 8
"""Bytes that end a gzip member: its checksum and length."""


def erase(store: Store, readings: Readings, trace: Trace, subjects: Subjects) -> str | None:
    """Take out what was found; returns the etag of what is left, None when nothing is.

    Done again, or after a kill at any point, it ends the same. Needs room for the object in the folder for
    temporary files. Raises LakemintError when the object became another since it was found, and StoreError.
    """
    raw = Raw.of(store, readings, trace.object, trace.etag)
    try:
        if trace.lines == (0,):
            _delete(store, trace)
        else:
            _rewrite(store, raw, trace, subjects)
    except (ObjectExists, ObjectNotFound):
        pass  # what is there now settles it: this was done before, or is no longer what was found
    except StoreUnavailable:
        there = store.stat(trace.object)
        if there and there.etag == trace.etag:
            raise
    return _settled(store, readings, trace, subjects)


def _settled(store: Store, readings: Readings, trace: Trace, subjects: Subjects) -> str | None:
    """The etag of what is there, which holds nothing of the subject; None for nothing."""
    there = store.stat(trace.object)
    if there is None:
        return None
    if held_in(Raw.of(store, readings, trace.object, there.etag), subjects).records:
        raise LakemintError(f"{trace.object} changed since the data subject was found in it; run this again")
    return there.etag


def _delete(store: Store, trace: Trace) -> None:
    store.open(trace.object, trace.etag).close()
    store.delete(trace.object)


def _rewrite(store: Store, raw: Raw, trace: Trace, subjects: Subjects) -> None:
    """Replace the object by one without the lines, or delete it when it has no others."""
    blank = set(trace.lines)
    with NamedTemporaryFile(prefix="lakemint-erase-") as file:
        path = Path(file.name)
        after = raw._replace(open=lambda: path.open("rb"))
        while True:
            if not _write_blanked(raw, blank, file.file):
                _delete(store, trace)
                return
            # In this order: a quote that runs on may seem to have made others' records the subject's.
            more = {*_running_on(raw, after, blank)} - blank or {*held_in(after, subjects).lines} - blank
            if not more:
                break
            blank |= more
        store.replace(trace.object, path, trace.etag)


def _running_on(before: Raw, after: Raw, blank: Set[int]) -> Iterator[int]:
    """Lines of csv whose quote, now that a line behind them is blank, runs on into what was none of theirs.

    Nobody could read them before: a quote began there, and went wrong in a line that is blank now.
    """
    if before.reading.source is None or before.reading.source.format != "csv":
        return
    with before.open() as old, after.open() as new:
        was = items(before, old, Watch())
        item = next(was, None)
        for now in items(after, new, Watch()):
            # What begins elsewhere than before does so because of a line in front of it.
            begins_alike, is_other = item is not None and item.first == now.first, False
            while item and item.first <= now.last:
                is_other = is_other or not (item.first in blank or _is_as_before(item, now))
                item = next(was, None)
            if begins_alike and is_other:
                yield now.first


def _is_as_before(item: Item, now: Item) -> bool:
    """Whether the same lines hold the same, or still something that cannot be read."""
    same_lines = (item.first, item.last) == (now.first, now.last)
    return same_lines and (isinstance(item.content, Problem) or item == now)


def _write_blanked(raw: Raw, blank: Set[int], file: IO[bytes]) -> int:
    """Write the object with those lines blank over what is in `file`; returns how many others it has.

    What follows a place where gzip is damaged is dropped: nobody can read it, so nobody can say whose it is.
    """
    file.seek(0)
    file.truncate()
    gzipped, is_cut = encoding(raw.name)[0], False
    with raw.open() as stream, _packing(file, gzipped) as packed:
        blanker = _Blanker(blank, packed)
        try:
            for chunk in decoded(stream, gzipped):
                blanker.write(chunk)
        except Broken:
            is_cut = True
        blanker.end(is_cut)
    if is_cut:  # as it was: the last line, which nobody knows the end of, must not become a record
        file.seek(-_TRAILER, os.SEEK_END)
        file.truncate()
    file.flush()
    return blanker.kept


@contextmanager
def _packing(file: IO[bytes], gzipped: bool) -> Iterator[IO[bytes]]:
    """The file, or what packs into it: the same bytes each time, with no name and no time in them."""
    if not gzipped:
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        yield packed  # type: ignore[misc]


class _Blanker:
    """Writes on what it is given, except that some lines lose all but their ending, and a byte-order mark."""

    def __init__(self, blank: Set[int], out: IO[bytes]) -> None:
        self._blank, self._sorted, self._out = blank, sorted(blank), out
        self._number, self._is_begun = 1, False
        self._head = self._tail = b""
        self.kept = 0
        """Lines that were not blanked."""

    def write(self, chunk: bytes) -> None:
        """The next bytes, one at least."""
        breaks = chunk.count(b"\n")
        at = bisect_left(self._sorted, self._number)
        if at == len(self._sorted) or self._sorted[at] > self._number + breaks:
            self._out.write(chunk)
            self._number, self.kept = self._number + breaks, self.kept + breaks
            self._is_begun = not chunk.endswith(b"\n")
            return
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._add(piece)
            self._end(b"\n")
        self._add(rest)

    def end(self, is_cut: bool) -> None:
        """There is no more: a last line without a line break ends here, and after a cut even an empty one."""
        if self._is_begun or is_cut:
            self._end(b"")

    def _add(self, piece: bytes) -> None:
        self._is_begun = self._is_begun or bool(piece)
        if self._number in self._blank:
            self._head = (self._head + piece[: len(BOM)])[: len(BOM)]
            self._tail = piece[-1:] or self._tail
        else:
            self._out.write(piece)

    def _end(self, line_break: bytes) -> None:
        if self._number in self._blank:
            mark = BOM if self._number == 1 and self._head == BOM else b""
            self._out.write(mark + (b"\r" if self._tail == b"\r" else b""))
        else:
            self.kept += 1
        self._out.write(line_break)
        self._number, self._is_begun = self._number + 1, False
        self._head = self._tail = b""
