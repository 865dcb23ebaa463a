"""Collect: answers in Label Studio become annotation events, in bounded memory.

An event is one answer as it stood at one time; an edit is another event. Its id follows from the project,
the annotation, the time and the answer, so that reading twice gives the same events.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakemint.digest import digest_of
from lakemint.label.accounts import pseudonym
from lakemint.label.form import Form, form_version
from lakemint.label.project import Project, sample_of
from lakemint.label.studio import LabelStudio, touched_since

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 20_000
"""Events that are held, and written, at a time."""
OVERLAP = timedelta(seconds=60)
"""Read again what was touched shortly before: a slow request may be kept later than its own time says."""

FIELDS = ("data", "annotations", "completed_by", "was_cancelled", "result", "updated_at")
"""Of tasks, and of their annotations: Label Studio takes one list for both."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Cursor:
    """How far a project was read: all that was touched up to that time. Kept in the table's commit note."""

    project: int
    moment: str

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> "Cursor | None":
        """The cursor in a commit note, if there is one."""
        stored = note.get("cursor")
        return cls(int(stored["project"]), str(stored["moment"])) if isinstance(stored, dict) else None


@dataclass
class AnswerReader:
    """Reads a project's events, those of tasks touched since `after`. Counts what it meets."""

    studio: LabelStudio
    project: Project
    form: Form
    annotator_key: str
    after: Cursor | None
    counts: Counter[str] = field(default_factory=Counter)
    """`answers`, `skipped`, and `ignored`: annotations that the form cannot have given."""

    def head(self) -> Cursor:
        """Where the project stands now. Taken before reading, so that the next reading misses nothing."""
        newest = self.studio.get(
            "/api/tasks/",
            project=self.project.id,
            page_size=1,
            include="updated_at",
            query='{"ordering": ["-tasks:updated_at"]}',
        )["tasks"]
        return Cursor(self.project.id, newest[0]["updated_at"] if newest else "")

    def chunks(self) -> "Iterator[pa.Table]":
        """Tables of events with the columns of `annotations`; the last one may be empty."""
        users = {number: address for address, number in self.studio.users().items()}
        shown = form_version(self.project.form)
        held: list[Event] = []
        for page in self.studio.tasks(self.project.id, FIELDS, *self._only()):
            held += [event for task in page for event in self._events(task, users, shown)]
            if len(held) >= CHUNK:
                yield _table(held)
                held = []
        yield _table(held)

    def _only(self) -> list[Mapping[str, str | int]]:
        """The condition on the tasks to read: none the first time, or after the project was made anew."""
        if self.after is None or self.after.project != self.project.id or not self.after.moment:
            return []
        since = datetime.fromisoformat(self.after.moment) - OVERLAP
        return [touched_since(since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))]

    def _events(self, task: Mapping[str, Any], users: Mapping[int, str], shown: str) -> Iterator[Event]:
        sample = sample_of(task)
        for annotation in task["annotations"]:
            address = users.get(annotation["completed_by"])
            value = None if annotation["was_cancelled"] else self.form.answer(annotation["result"])
            if sample is None or address is None or (value is None and not annotation["was_cancelled"]):
                self.counts["ignored"] += 1
                continue
            self.counts["read" if value is not None else "skipped"] += 1
            moment = annotation["updated_at"]
            yield {
                "event_id": digest_of([self.project.marker, annotation["id"], moment, value]),
                "sample_id": sample,
                "annotator": pseudonym(self.annotator_key, address),
                "value": value,
                "answered_at": datetime.fromisoformat(moment),
                "form": shown,
                "task": task["id"],
                "annotation": annotation["id"],
            }


def _table(events: list[Event]) -> "pa.Table":
    """Events with the columns of `annotations`."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("sample_id", pa.string()),
            ("annotator", pa.string()),
            ("value", pa.string()),
            ("answered_at", pa.timestamp("us", tz="UTC")),
            ("form", pa.string()),
            ("task", pa.int64()),
            ("annotation", pa.int64()),
        ]
    )
    return pa.Table.from_pylist(events, schema=schema)
