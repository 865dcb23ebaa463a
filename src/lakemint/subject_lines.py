"""A data subject's lines in raw objects and in recorded answers: finding them, and taking them out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from lakemint.dataset.recipe import Recipe
from lakemint.erase.records import Found, Trace
from lakemint.erase.tables import Rewritten
from lakemint.ingest import traces as lines
from lakemint.ingest.erasure import erase
from lakemint.ingest.readings import Readings, answers_key, raw_readings, recorded_readings
from lakemint.lake import Lake
from lakemint.published.past import past_recipes
from lakemint.store import Store
from lakemint.subjects import Subjects

Keys = Mapping[str, Sequence[str]]
"""Source → by what recorded answers are joined to records."""


class SubjectLines:
    """One subject's in one dataset, those of sources too that the recipe no longer names."""

    def __init__(self, store: Store, lake: Lake, recipe: Recipe, subjects: Subjects) -> None:
        """Raises IntegrityError for a version whose record, manifest or recipe is damaged."""
        self._store, self._lake, self._recipe, self._subjects = store, lake, recipe, subjects
        self._past = [*past_recipes(store, lake, recipe.dataset)]
        self._raw = raw_readings(lake, recipe, self._past)
        self.key = answers_key(recipe, self._past)
        """The column that recorded answers are joined by to records; None where there never were any."""

    @property
    def roots(self) -> list[str]:
        """All that is searched."""
        return [self._raw.root, self._recorded({}).root]

    def find(self) -> list[lines.Trace]:
        """Every raw object with something of the subject; raises as `ingest.traces.traces`."""
        return [*lines.traces(self._store, self._raw, self._subjects)]

    def find_recorded(self, keys: Keys) -> list[Trace]:
        """All recorded answers to the subject, or to its records; raises as `find`."""
        return stored(lines.traces(self._store, self._recorded(keys), self._subjects))

    def erase(self, found: Found, require: Callable[[], object]) -> list[Rewritten]:
        """Take them out; what became of the raw objects. `require` is called before each of all objects.

        Raises as `ingest.erasure.erase`.
        """
        self._erase(self._recorded(found.keys), found.recordings, require)
        return self._erase(self._raw, found.traces, require)

    def _erase(
        self, readings: Readings, traces: Iterable[Trace], require: Callable[[], object]
    ) -> list[Rewritten]:
        done = []
        for trace in traces:
            require()
            there = lines.Trace(**{**trace.model_dump(), "lines": tuple(trace.lines)})
            now = erase(self._store, readings, there, self._subjects)
            done.append(Rewritten(trace.object, trace.etag, now, there.lines))
        return done

    def _recorded(self, keys: Keys) -> Readings:
        return recorded_readings(self._lake, self._recipe, self._past, keys)


def stored(traces: Iterable[lines.Trace]) -> list[Trace]:
    """As an order holds them."""
    return [
        Trace(
            object=trace.object,
            source=trace.source,
            etag=trace.etag,
            lines=[*trace.lines],
            records=trace.records,
            unread=trace.unread,
        )
        for trace in traces
    ]


def all_keys(before: Found | None, *found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """(source, key) of the subject's records, and what is known of those that are gone, by source."""
    keys: dict[str, set[str]] = defaultdict(set)
    known = [(source, key) for source, there in (before.keys if before else {}).items() for key in there]
    for source, key in (pair for pairs in (known, *found) for pair in pairs):
        keys[source].add(key)
    return {source: sorted(there) for source, there in sorted(keys.items())}
