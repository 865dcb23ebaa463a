"""Where a data subject stands in the raw objects: in records that name it, and in what nobody could read.

A record is the subject's when its column says so. A line that cannot be read has no columns: it counts when
the subject's name stands anywhere in it, and a whole object that cannot be read likewise.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import IO, NamedTuple, cast

from lakemint.dataset.recipe import Recipe, Source
from lakemint.errors import LakemintError, NothingLanded, ObjectExists, ObjectNotFound
from lakemint.ingest.formats import Fields, Problem, encoding, parse
from lakemint.ingest.lines import Broken, decoded
from lakemint.ingest.plan import RawObject, landed
from lakemint.lake import Lake
from lakemint.store import Store
from lakemint.store.safety import require_erasable
from lakemint.subjects import Subjects

Progress = Callable[[int, int], None]
"""Is told bytes read and bytes in all."""


class Trace(NamedTuple):
    """The lines of a raw object that are a subject's."""

    object: str
    source: str
    etag: str
    """Of the object as it was found."""
    lines: tuple[int, ...]
    """Ascending, from 1; (0,) for a whole object."""


class Item(NamedTuple):
    """What some lines of an object hold; 0 to 0: the whole object."""

    first: int
    last: int
    content: Fields | Problem


@dataclass(frozen=True)
class Raw:
    """A raw object that can be read again and again, always the same bytes."""

    name: str
    """Its key after the source's prefix."""
    source: Source
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    @classmethod
    def of(cls, store: Store, lake: Lake, recipe: Recipe, trace: Trace | RawObject) -> "Raw":
        """The object with the etag it was found with; opening it raises as `Store.open` does."""
        name = trace.object.removeprefix(lake.raw(recipe.dataset, trace.source))
        return cls(name, recipe.sources[trace.source], lambda: closing(store.open(trace.object, trace.etag)))


class Watch:
    """Which lines hold one of some byte strings; is shown what is read of them, chunk by chunk."""

    def __init__(self, sought: tuple[bytes, ...] = ()) -> None:
        self._sought, self._longest = sought, max(map(len, sought), default=0)
        self._line, self._begun = 1, False
        self._tail = b""
        self._hits: deque[int] = deque()

    def __call__(self, chunk: bytes) -> None:
        data = self._tail + chunk
        if self._is_in(data):
            pieces = enumerate(data.split(b"\n"), start=self._line)
            self._hits += [number for number, piece in pieces if self._is_in(piece)]
        *ended, rest = chunk.rsplit(b"\n", 1)
        self._line += chunk.count(b"\n")
        self._begun = bool(rest) or (self._begun and not ended)
        # The next chunk may go on with what the line's end begins.
        self._tail = data.rpartition(b"\n")[2][-self._longest :] if self._longest else b""

    @property
    def last(self) -> int:
        """The last line that has been begun."""
        return self._line if self._begun else self._line - 1

    def passes(self, line: int) -> bool:
        """Whether one of the lines up to this one held what is sought. They are forgotten then."""
        found = False
        while self._hits and self._hits[0] <= line:
            found = bool(self._hits.popleft())
        return found

    def _is_in(self, data: bytes) -> bool:
        return any(sought in data for sought in self._sought)


def traces(
    store: Store,
    lake: Lake,
    recipe: Recipe,
    subjects: Subjects,
    progress: Progress = lambda done, total: None,
) -> Iterator[Trace]:
    """Every raw object of the recipe's sources that holds something of the subject, ingested or not.

    Memory: a few times LINE_LIMIT, the objects' names, and the numbers of one object's found lines. Raises
    UnsafeStore where the store would keep what is erased, LakemintError when an object changed meanwhile, and
    StoreError.
    """
    require_erasable(store)
    try:
        objects = landed(store, lake, recipe)
    except NothingLanded:
        return
    done, total = 0, sum(item.size for item in objects)
    for item in objects:
        raw = Raw.of(store, lake, recipe, item)
        with_progress = _told(raw, lambda read, before=done: progress(before + read, total))  # type: ignore[misc]
        try:
            lines = lines_of(with_progress, subjects)
        except ObjectNotFound:
            lines = []
        except ObjectExists as error:
            raise LakemintError(f"{item.object} changed while it was searched; run this again") from error
        done += item.size
        progress(done, total)
        if lines:
            yield Trace(item.object, item.source, item.etag, tuple(lines))


def lines_of(raw: Raw, subjects: Subjects) -> list[int]:
    """The lines of an object that are the subject's, ascending; [0] for the whole."""
    watch = Watch(subjects.spellings)
    found: list[int] = []
    with raw.open() as stream:
        for item in items(raw, stream, watch):
            is_held = watch.passes(item.last)
            if not isinstance(item.content, Problem):
                value = item.content.get(subjects.column)
                is_held = isinstance(value, str) and subjects.is_named(value)
            elif item.first == 0:
                is_held = _holds(raw, subjects)
            if is_held:
                found += range(item.first, item.last + 1)
    return found


def items(raw: Raw, stream: IO[bytes], watch: Watch) -> Iterator[Item]:
    """What an object holds, each with all of its lines: those up to where the next one begins."""
    held: tuple[int, Fields | Problem] | None = None
    for line, content in parse(stream, raw.name, raw.source, watch):
        if held:
            yield Item(held[0], line - 1, held[1])
        held = (line, content)
    if held:
        line, content = held
        yield Item(line, max(line, watch.last) if line else 0, content)


def _holds(raw: Raw, subjects: Subjects) -> bool:
    """Whether the name stands anywhere in the bytes, as they are or unpacked as far as that goes."""
    for gzipped in {False, encoding(raw.name)[0]}:
        watch = Watch(subjects.spellings)
        with raw.open() as stream:
            try:
                for chunk in decoded(stream, gzipped):
                    watch(chunk)
                    if watch.passes(watch.last):
                        return True
            except Broken:
                pass
    return False


def _told(raw: Raw, tell: Callable[[int], None]) -> Raw:
    """The same object; `tell` is told how many bytes of it were read."""

    @contextmanager
    def open_told() -> Iterator[IO[bytes]]:
        with raw.open() as stream:
            yield cast("IO[bytes]", _Counted(stream, tell))

    return Raw(raw.name, raw.source, open_told)


class _Counted:
    """A stream that says how much of it was read."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None]) -> None:
        self._stream, self._tell, self._done = stream, tell, 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._done += len(data)
        self._tell(self._done)
        return data
