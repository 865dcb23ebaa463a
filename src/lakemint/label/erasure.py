"""Erasure: the tasks of some samples leave Label Studio, with all that people answered there."""

import time
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from lakemint.config import Config
from lakemint.errors import LabelStudioError, LabelStudioUnavailable
from lakemint.label.project import Project, find_projects, sample_of
from lakemint.label.studio import PAUSES, LabelStudio


@dataclass(frozen=True)
class ErasedTasks:
    """What Label Studio had of the samples."""

    tasks: int
    answers: int
    """Annotations of these tasks, skipped ones too. Their drafts and predictions went with them."""


def erase_tasks(studio: LabelStudio, config: Config, dataset: str, samples: Iterable[str]) -> ErasedTasks:
    """Delete the samples' tasks in the dataset's projects; nothing where there are none, or no project.

    One by one: Label Studio deletes many in two steps, and a kill between them leaves tasks that no project
    has and nobody finds. Looks again until none is there. Keeps the samples' ids in memory. Raises
    LabelStudioUnavailable after the last try, and LabelStudioError; what was deleted stays deleted.
    """
    sought, gone = frozenset(samples), dict[int, int]()
    if not sought:
        return ErasedTasks(0, 0)
    for pause in (*PAUSES, None):
        try:
            if not _delete_all(studio, find_projects(studio, config, dataset), sought, gone):
                return ErasedTasks(len(gone), sum(gone.values()))
        except LabelStudioUnavailable:
            if pause is None:
                raise
            time.sleep(pause)
    raise LabelStudioError(
        f"Label Studio at {studio.url} still has tasks of {dataset} that shall go; run this again"
    )


def tasks_of(studio: LabelStudio, config: Config, dataset: str, samples: Iterable[str]) -> int:
    """How many tasks `erase_tasks` would delete."""
    sought = frozenset(samples)
    projects = find_projects(studio, config, dataset) if sought else []
    return sum(1 for project in projects for _ in _tasks(studio, project, sought))


def _delete_all(
    studio: LabelStudio, projects: Iterable[Project], sought: Set[str], gone: dict[int, int]
) -> int:
    """Delete what is found: how many; each is in `gone` (task → answers), also where the reply was lost."""
    deleted = 0
    for task, answers in (found for project in projects for found in _tasks(studio, project, sought)):
        gone[task] = answers
        studio.write("DELETE", f"/api/tasks/{task}/")
        deleted += 1
    return deleted


def _tasks(studio: LabelStudio, project: Project, sought: Set[str]) -> Iterator[tuple[int, int]]:
    """(id, number of answers) of the samples' tasks."""
    for page in studio.tasks(project.id, ["data", "total_annotations", "cancelled_annotations"]):
        for task in page:
            if sample_of(task) in sought:
                yield int(task["id"]), int(task["total_annotations"]) + int(task["cancelled_annotations"])
