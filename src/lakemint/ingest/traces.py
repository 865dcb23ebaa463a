"""Where a data subject stands in objects: in records that name it, and in what nobody could read.

A record is the subject's when its column says so. A line that cannot be read has no columns: it counts when
the subject's name stands in it as a word, and a whole object that cannot be read likewise. Nobody can read
what lies where no recipe, of now or of a version, names a source.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple, cast

from lakemint.errors import LakemintError, ObjectExists, ObjectNotFound
from lakemint.ingest.formats import Fields, Problem, encoding, path_fields
from lakemint.ingest.lines import Broken, decoded
from lakemint.ingest.readings import Raw, Readings
from lakemint.sightings import CHANCE, Sightings, sightings
from lakemint.store import Store
from lakemint.store.safety import require_erasable
from lakemint.subjects import Subjects, plain

Progress = Callable[[int, int], None]
"""Is told bytes read and bytes in all."""


class Trace(NamedTuple):
    """The lines of an object that are a subject's."""

    object: str
    source: str
    etag: str
    """Of the object as it was found."""
    lines: tuple[int, ...]
    """Ascending, from 1; (0,) for a whole object."""
    records: int
    """How many records stand in these lines, readable or not."""
    unread: int
    """How many of them nobody could read: the name stands in them, whosever they are."""
    keys: frozenset[str] = frozenset()
    """By which recorded answers are joined to these records; see `Reading`."""


class Held(NamedTuple):
    """What of an object is the subject's; see `Trace`."""

    lines: tuple[int, ...]
    records: int
    unread: int
    keys: frozenset[str] = frozenset()


class Item(NamedTuple):
    """What some lines of an object hold; 0 to 0: the whole object."""

    first: int
    last: int
    content: Fields | Problem


class Watch:
    """Which lines hold a name; is shown what is read of them, chunk by chunk."""

    def __init__(self, sought: Sightings | None = None) -> None:
        self._sought = sought if sought and sought.reach else None
        self._line, self._begun = 1, False
        self._edge, self._open = b"\n", b""
        self._hits: deque[int] = deque()

    def __call__(self, chunk: bytes) -> None:
        if self._sought:
            self._look(self._sought, chunk)
        *ended, rest = chunk.rsplit(b"\n", 1)
        self._line += chunk.count(b"\n")
        self._begun = bool(rest) or (self._begun and not ended)

    @property
    def last(self) -> int:
        """The last line that has been begun."""
        return self._line if self._begun else self._line - 1

    def passes(self, line: int) -> bool:
        """Whether one of the lines up to this one, all read by now, held a name. They are forgotten then."""
        if self._sought and line == self._line:
            self._look(self._sought, b"\n")
            self._edge, self._open = b"\n", b""
        found = False
        while self._hits and self._hits[0] <= line:
            found = bool(self._hits.popleft())
        return found

    def _look(self, sought: Sightings, chunk: bytes) -> None:
        """Look through what is open of the last line, and what comes now."""
        data = self._edge + self._open + chunk
        if sought.are_in(data):
            *ended, rest = (self._open + chunk).split(b"\n")
            first, *others = [*(line + b"\n" for line in ended), rest]
            lines = [self._edge + first, *(b"\n" + line for line in others)]
            self._hits += [at for at, line in enumerate(lines, start=self._line) if sought.are_in(line)]
        _, line_break, rest = data.rpartition(b"\n")
        # The next chunk may go on with what the line's end begins; what lies before it was looked through.
        self._edge = line_break if len(rest) <= sought.reach else b""
        self._open = rest[-sought.reach :]


def traces(
    store: Store,
    readings: Readings,
    subjects: Subjects,
    progress: Progress = lambda done, total: None,
) -> Iterator[Trace]:
    """Every object below the readings' root that holds something of the subject.

    Memory: a few times LINE_LIMIT, the objects' names, and the numbers of one object's found lines. Raises
    UnsafeStore where the store would keep what is erased, LakemintError when an object changed meanwhile, and
    StoreError.
    """
    require_erasable(store)
    objects = list(store.list(readings.root))
    done, total = 0, sum(item.size for item in objects)
    for item in objects:
        raw = Raw.of(store, readings, item.key, item.etag)
        with_progress = _told(raw, lambda read, before=done: progress(before + read, total))  # type: ignore[misc]
        try:
            held = held_in(with_progress, subjects)
        except ObjectNotFound:
            held = Held((), 0, 0)
        except ObjectExists as error:
            raise LakemintError(f"{item.key} changed while it was searched; run this again") from error
        done += item.size
        progress(done, total)
        if held.records:
            yield Trace(item.key, raw.reading.name, item.etag, *held)


def held_in(raw: Raw, subjects: Subjects) -> Held:
    """What of an object is the subject's."""
    watch, reading = Watch(sightings(subjects)), raw.reading
    lines: list[int] = []
    keys: set[str] = set()
    records = unread = 0
    if reading.source is None and _is_named_for(raw, subjects):
        return Held((0,), 1, 1)
    with raw.open() as stream:
        for item in items(raw, stream, watch):
            is_seen = watch.passes(item.last)
            fields = item.content
            if isinstance(fields, Problem) and reading.source and reading.source.format == "file":
                # Empty or too large, it is still theirs whom its name names.
                fields = path_fields(raw.name, reading.source) or fields
            if is_unread := isinstance(fields, Problem):
                is_held = is_seen if item.first else _holds(raw, subjects)
            else:
                key = fields.get(reading.key) if reading.key else None
                is_held = names(fields, subjects) or (isinstance(key, str) and plain(key) in reading.keys)
                keys |= {key} if is_held and isinstance(key, str) else set()
            if is_held:
                lines += range(item.first, item.last + 1)
                records, unread = records + 1, unread + is_unread
    return Held(tuple(lines), records, unread, frozenset(keys))


def names(fields: Fields, subjects: Subjects) -> bool:
    """Whether a record says that it is the subject's."""
    value = fields.get(subjects.column)
    return isinstance(value, str) and subjects.is_named(value)


def items(raw: Raw, stream: IO[bytes], watch: Watch) -> Iterator[Item]:
    """What an object holds, each with all of its lines: those up to where the next one begins."""
    held: tuple[int, Fields | Problem] | None = None
    for line, content in raw.parse(stream, watch):
        if held:
            yield Item(held[0], line - 1, held[1])
        held = (line, content)
    if held:
        line, content = held
        yield Item(line, max(line, watch.last) if line else 0, content)


def _holds(raw: Raw, subjects: Subjects) -> bool:
    """Whether a name stands in the object's own, or in its bytes, as they are or as far as they unpack."""
    if _is_named_for(raw, subjects):
        return True
    for gzipped in {False, encoding(raw.name)[0]}:
        watch = Watch(sightings(subjects, CHANCE))
        with raw.open() as stream, suppress(Broken):
            for chunk in decoded(stream, gzipped):
                watch(chunk)
        if watch.passes(watch.last):
            return True
    return False


def _is_named_for(raw: Raw, subjects: Subjects) -> bool:
    return sightings(subjects).are_in(f"/{raw.name}/".encode())


def _told(raw: Raw, tell: Callable[[int], None]) -> Raw:
    """The same object; `tell` is told how many bytes of it were read."""

    @contextmanager
    def open_told() -> Iterator[IO[bytes]]:
        with raw.open() as stream:
            yield cast("IO[bytes]", _Counted(stream, tell))

    return raw._replace(open=open_told)


class _Counted:
    """A stream that says how much of it was read."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None]) -> None:
        self._stream, self._tell, self._done = stream, tell, 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._done += len(data)
        self._tell(self._done)
        return data
