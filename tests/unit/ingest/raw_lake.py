"""A lake in a folder with raw objects of each format, some of which a subject gave."""

import io
from pathlib import Path

from lakemint.dataset.recipe import Recipe
from lakemint.ingest.formats import Fields, Problem, parse
from lakemint.ingest.readings import raw_readings
from lakemint.ingest.traces import Trace, traces
from lakemint.lake import Lake
from lakemint.store import FolderStore
from lakemint.subjects import Subjects

SUBJECT = Subjects("author", "Zoë Q7")
RECIPE = Recipe.model_validate(
    {
        "dataset": "notes",
        "sources": {
            "tsv": {"format": "tsv", "columns": ["author", "text"]},
            "csv": {"format": "csv", "columns": ["author", "text"]},
            "jsonl": {"format": "jsonl", "columns": ["author", "text"]},
            "scans": {"format": "file", "path": "{author}/{name}.png", "content": "image"},
            "anonymous": {"format": "tsv", "columns": ["text", "place"]},
        },
        "content": ["text", "image"],
        "label": {"known": "text"},
    }
)


class RawLake:
    """One object at a time is looked at: what it holds, and where the subject is."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(f"file://{folder}")
        self.store = FolderStore(folder)
        self.readings = raw_readings(self.lake, RECIPE, [])

    def put(self, source: str, name: str, data: bytes) -> str:
        """Returns the key."""
        key = self.lake.raw("notes", source) + name
        self.store.put(key, data)
        return key

    def read(self, key: str) -> dict[int, Fields | Problem]:
        """By line."""
        source, _, name = key.removeprefix("raw/notes/").partition("/")
        return dict(parse(io.BytesIO(self.store.get(key)), name, RECIPE.sources[source]))

    def traces(self, subjects: Subjects = SUBJECT) -> list[Trace]:
        return list(traces(self.store, self.readings, subjects))

    def lines(self, source: str, name: str, data: bytes, subjects: Subjects = SUBJECT) -> tuple[int, ...]:
        """The lines that are the subject's of the lake's only object."""
        key = self.put(source, name, data)
        found = self.traces(subjects)
        self.store.delete(key)
        assert [(trace.object, trace.source) for trace in found] == [(key, source)] * len(found)
        return found[0].lines if found else ()
