"""Send: samples become tasks in Label Studio, each once."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lakemint.errors import LabelStudioUnavailable
from lakemint.label.project import Project, sample_of
from lakemint.label.studio import PAUSES, LabelStudio
from lakemint.names import SAMPLE_ID

BATCH = 1000
"""Tasks an import: a quarter of a second for Label Studio."""


@dataclass(frozen=True)
class Sent:
    """What a project asks about already."""

    samples: frozenset[str]
    duplicates: int
    """Tasks beyond the first of their sample, which only somebody else's import can make."""


def read_sent(studio: LabelStudio, project: Project) -> Sent:
    """The samples that are tasks of the project; only their ids are kept in memory."""
    samples: set[str] = set()
    tasks = 0
    for page in studio.tasks(project.id, ["data"]):
        found = [sample for task in page if (sample := sample_of(task))]
        tasks += len(found)
        samples.update(found)
    return Sent(frozenset(samples), tasks - len(samples))


def send(studio: LabelStudio, project: Project, samples: Iterable[Mapping[str, Any]], total: int) -> int:
    """Import samples, none of which may be there yet, as tasks, and say how far it is: how many.

    Each is a mapping of JSON values with `sample_id`; it becomes the task's data. `total` is how many there
    should be. Raises LabelStudioUnavailable after the last try; what was imported stays, and is not sent
    again.
    """
    iterator, sent = iter(samples), 0
    while batch := list(islice(iterator, BATCH)):
        _import(studio, project, batch)
        sent += len(batch)
        print(f"sent {sent:,} of {total:,} samples", flush=True)
    return sent


def _import(studio: LabelStudio, project: Project, batch: Sequence[Mapping[str, Any]]) -> None:
    """Import a batch; after a lost reply, look which tasks are missing, and import those."""
    for pause in (*PAUSES, None):
        try:
            studio.write(
                "POST", f"/api/projects/{project.id}/import", [{"data": dict(item)} for item in batch]
            )
            return
        except LabelStudioUnavailable:
            if pause is None:
                raise
            time.sleep(pause)
        there = read_sent(studio, project).samples
        batch = [item for item in batch if item[SAMPLE_ID] not in there]
        if not batch:
            return
