"""A subject in what the recipe no longer tells how to read, and in the answers recorded for its records."""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lakemint.dataset.recipe import Recipe
from lakemint.ingest.erasure import erase
from lakemint.ingest.readings import Readings, answers_key, raw_readings, recorded_readings
from lakemint.ingest.traces import Trace, traces
from lakemint.lake import Lake
from lakemint.store import FolderStore
from lakemint.subjects import Subjects

SUBJECT = Subjects("author", "Zoë Q7")
ZOE = "Zoë Q7"
COLUMNS = ["author", "id", "text"]
REPLAY = {"columns": ["id", "author", "line", "answers"], "key": "id", "answers": "answers"}
ASKED: dict[str, Any] = {
    "form": "label.xml",
    "sample": {"size": 1},
    "answers": {"per_sample": 1},
    "replay": REPLAY,
}
KNOWN = {"known": "text"}
MAIL = {"mail": {"format": "tsv", "columns": COLUMNS}}
CHAT = {"chat": {"format": "csv", "columns": COLUMNS}}


def recipe(sources: Mapping[str, Any], label: Mapping[str, Any] = KNOWN) -> Recipe:
    return Recipe.model_validate(
        {"dataset": "notes", "sources": sources, "content": ["text"], "label": label}
    )


class Objects:
    """A lake in a folder, whose recipe names `mail` only."""

    def __init__(self, folder: Path) -> None:
        self.store, self.lake = FolderStore(folder), Lake(f"file://{folder}")

    def put(self, key: str, text: str) -> None:
        self.store.put(key, text.encode())

    def raw(self, *past: Recipe) -> Readings:
        return raw_readings(self.lake, recipe(MAIL), [one.document for one in past])

    def recorded(self, label: Mapping[str, Any], *past: Recipe, **keys: Iterable[str]) -> Readings:
        return recorded_readings(self.lake, recipe(MAIL, label), [one.document for one in past], keys)

    def lines(self, readings: Readings) -> dict[str, tuple[int, ...]]:
        return {trace.object: trace.lines for trace in self.find(readings)}

    def find(self, readings: Readings) -> list[Trace]:
        return [*traces(self.store, readings, SUBJECT)]

    def erase(self, readings: Readings) -> dict[str, bytes]:
        """What is left of the objects in which the subject was."""
        found = self.find(readings)
        left = {trace.object: erase(self.store, readings, trace, SUBJECT) for trace in found}
        assert self.find(readings) == []
        return {key: self.store.get(key) for key, etag in left.items() if etag}


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path)


def test_what_no_recipe_names_is_searched_for_the_name_line_by_line(objects: Objects) -> None:
    objects.put("raw/notes/mail/a.tsv", f"ann\t1\tsays {ZOE}\n")  # readable, and not hers
    objects.put("raw/notes/chat/a.csv", f"ann,1,says {ZOE}\nann,2,x\n{ZOE}7,3,y\n")
    objects.store.put("raw/notes/chat/b.jsonl.gz", gzip.compress(f'{{}}\n{{"a": "{ZOE}"}}\n'.encode()))
    objects.put("raw/notes/Odd One/x.png", f"\x89 {ZOE} ")
    objects.put("raw/notes/lost.txt", f"{ZOE}\n\nbo\n")
    objects.put("raw/notes/chat/none.txt", "")
    objects.put(f"raw/notes/scans/{ZOE}/1.txt", "a page")
    objects.put("raw/other/chat/a.csv", f"{ZOE},1,x\n")
    assert objects.lines(objects.raw()) == {
        "raw/notes/chat/a.csv": (1,),
        "raw/notes/chat/b.jsonl.gz": (2,),
        "raw/notes/Odd One/x.png": (0,),
        "raw/notes/lost.txt": (1,),
        f"raw/notes/scans/{ZOE}/1.txt": (0,),
    }
    assert {trace.records for trace in objects.find(objects.raw())} == {1}
    assert {trace.unread for trace in objects.find(objects.raw())} == {1}
    left = objects.erase(objects.raw())
    assert gzip.decompress(left.pop("raw/notes/chat/b.jsonl.gz")) == b"{}\n\n"
    assert left == {
        "raw/notes/chat/a.csv": f"\nann,2,x\n{ZOE}7,3,y\n".encode(),
        "raw/notes/lost.txt": b"\n\nbo\n",
    }


def test_a_source_of_an_earlier_recipe_is_read_as_its_newest_version_read_it(objects: Objects) -> None:
    objects.put("raw/notes/chat/a.csv", f'{ZOE},1,"two\nlines"\nann,2,says {ZOE}\n')
    oldest = recipe({"chat": {"format": "tsv", "columns": ["text"]}})
    (trace,) = objects.find(objects.raw(recipe(CHAT), oldest))
    assert (trace.source, trace.lines, trace.unread) == ("chat", (1, 2), 0)
    unknown: Any = {"sources": {"chat": {"format": "parquet"}}}
    readings = raw_readings(objects.lake, recipe(MAIL), [unknown])
    assert objects.lines(readings) == {"raw/notes/chat/a.csv": (1, 3)}


def test_answers_to_the_subjects_records_go_and_nobody_elses(objects: Objects) -> None:
    objects.put("raw/notes/mail/a.tsv", f"{ZOE}\t 7\tx\nann\t8\ty\n{ZOE}\t9\tz\n{ZOE}\n")
    asked = recipe(MAIL, ASKED)
    (trace,) = traces(objects.store, raw_readings(objects.lake, asked, []), SUBJECT)
    assert trace.keys == {" 7", "9"}
    answers = (
        f"7\tann\t1\t[1]\n8\tann\t2\t[2]\n10\t{ZOE}\t3\t[3]\n{ZOE}\n\n77\tann\t4\t[{{}}]\n\tann\t5\t[]\n"
    )
    objects.put("recorded/notes/mail.txt", answers)
    objects.put("recorded/notes/chat.txt", answers)
    keys = {"mail": [*trace.keys, " "], "chat": ["8"]}
    readings = objects.recorded(ASKED, **keys)
    assert objects.lines(readings) == {
        "recorded/notes/mail.txt": (1, 3, 4),
        "recorded/notes/chat.txt": (2, 3, 4),
    }
    # As well when replays ended with an earlier recipe.
    assert objects.lines(objects.recorded(KNOWN, asked, **keys)) == objects.lines(readings)
    assert objects.erase(readings)["recorded/notes/mail.txt"] == (
        b"\n8\tann\t2\t[2]\n\n\n\n77\tann\t4\t[{}]\n\tann\t5\t[]\n"
    )


def test_recorded_answers_that_no_recipe_knows_are_searched_for_the_name(objects: Objects) -> None:
    for name in ("mail.txt", "chat.txt", "notes.md"):
        objects.put(f"recorded/notes/{name}", f"1\tsays {ZOE}\n2\tbo\n")
    assert answers_key(recipe(MAIL), []) is None
    assert objects.lines(objects.recorded(KNOWN, chat=["2"])) == {
        "recorded/notes/mail.txt": (1,),
        "recorded/notes/chat.txt": (1,),
        "recorded/notes/notes.md": (0,),
    }
    assert objects.lines(Readings("recorded/notes/", {})).keys() == {
        "recorded/notes/mail.txt",
        "recorded/notes/chat.txt",
        "recorded/notes/notes.md",
    }
