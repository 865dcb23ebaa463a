"""How objects are read in which a data subject may stand: by a source, or where nobody can say, by lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from pydantic import ValidationError

from lakemint.dataset.recipe import Recipe, Source
from lakemint.ingest.formats import TEXT_ENDINGS, Parsed, Problem, encoding, parse
from lakemint.ingest.lines import Look, read_lines
from lakemint.lake import Lake
from lakemint.store import Store
from lakemint.subjects import plain

Document = Mapping[str, Any]
"""A recipe as plain data, of whatever release."""


@dataclass(frozen=True)
class Reading:
    """How some objects are read."""

    name: str = ""
    """Of their source."""
    source: Source | None = None
    """None where nobody knows any more: then no line of theirs has columns."""
    key: str | None = None
    """The column that recorded answers are joined by to records."""
    keys: frozenset[str] = frozenset()
    """Its values, as `plain` has them, by which a record is sought too."""


@dataclass(frozen=True)
class Readings:
    """How all objects below `root` are read."""

    root: str
    """Prefix of keys, with its slash."""
    by_prefix: Mapping[str, Reading]
    """Prefix of keys → how what lies there is read. Nobody knows of the others."""

    def of(self, key: str) -> tuple[str, Reading]:
        """The object's own name after its source's prefix, and how it is read."""
        for prefix, reading in self.by_prefix.items():
            if key.startswith(prefix):
                return key.removeprefix(prefix), reading
        source, slash, name = key.removeprefix(self.root).partition("/")
        return (name, Reading(source)) if slash else (source, Reading())


class Raw(NamedTuple):
    """An object that can be read again and again, always the same bytes."""

    name: str
    """Its key after the source's prefix."""
    reading: Reading
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    @classmethod
    def of(cls, store: Store, readings: Readings, key: str, etag: str) -> "Raw":
        """The object with the etag it was found with; opening it raises as `Store.open` does."""
        return cls(*readings.of(key), lambda: closing(store.open(key, etag)))

    def parse(self, stream: IO[bytes], look: Look) -> Iterator[Parsed]:
        """What the object holds, and of which line on; `look` sees what is read."""
        source = self.reading.source
        return parse(stream, self.name, source, look) if source else _lines(stream, self.name, look)


def raw_readings(lake: Lake, recipe: Recipe, past: Sequence[Document]) -> Readings:
    """Of all raw objects: by the recipe, those of other sources as the newest of `past` recipes read them."""
    found = dict(recipe.sources)
    for document in past:
        there = {name: _source(made) for name, made in document.get("sources", {}).items()}
        found |= {name: source for name, source in there.items() if source and name not in found}
    dataset, key = recipe.dataset, answers_key(recipe, past)
    readings = {lake.raw(dataset, name): Reading(name, source, key) for name, source in found.items()}
    return Readings(lake.all_raw(dataset), readings)


def recorded_readings(
    lake: Lake, recipe: Recipe, past: Sequence[Document], keys: Mapping[str, Iterable[str]]
) -> Readings:
    """Of all recorded answers: the subject's are those that name it, and those to its records.

    `keys`: source → what its records are joined by.
    """
    dataset, replay = recipe.dataset, _replay(recipe, past)
    # Not validated: these are no columns of ours, so they may have our names.
    source = Source.model_construct(format="tsv", columns=replay["columns"]) if replay else None
    key = answers_key(recipe, past)
    names = {*recipe.sources, *keys, *(name for document in past for name in document.get("sources", {}))}
    readings = {
        lake.recording(dataset, name): Reading(name, source, key, _plain(keys.get(name, ())))
        for name in sorted(names)
    }
    return Readings(lake.recordings(dataset), readings)


def answers_key(recipe: Recipe, past: Sequence[Document]) -> str | None:
    """The column that recorded answers are joined by to records; None where no recipe knew any."""
    replay = _replay(recipe, past)
    return str(replay["key"]) if replay else None


def _plain(keys: Iterable[str]) -> frozenset[str]:
    """Without an empty one, which says nothing."""
    return frozenset(map(plain, keys)) - {""}


def _replay(recipe: Recipe, past: Sequence[Document]) -> Document | None:
    """The recipe's, or the last one there was."""
    replays = (document.get("label", {}).get("replay") for document in (recipe.document, *past))
    return next((replay for replay in replays if replay), None)


def _source(made: Document) -> Source | None:
    """None for what this release does not know how to read."""
    try:
        return Source.model_validate(made)
    except ValidationError:
        return None


def _lines(stream: IO[bytes], name: str, look: Look) -> Iterator[Parsed]:
    """What nobody can say how to read: lines without columns, or the whole where no text is expected."""
    gzipped, ending = encoding(name)
    if ending not in TEXT_ENDINGS:
        yield 0, Problem("unknown source", b"")
        return
    for line in read_lines(stream, gzipped, look=look):
        yield line.number, Problem("unknown source", b"")
