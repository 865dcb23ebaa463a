"""How many answers are still missing: few calls, no Spark, so that a trigger can ask often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lakemint.config import Config
from lakemint.dataset.recipe import load_recipe
from lakemint.label.asking import TASK_SOURCE, Asking, asking
from lakemint.label.project import find_project, project_url, sample_of
from lakemint.label.recordings import read_recordings
from lakemint.label.studio import connect, fewer_answers_than
from lakemint.lake import Lake
from lakemint.store import open_store


@dataclass(frozen=True)
class Waiting:
    """How far people are with a dataset's tasks."""

    missing: int
    """Answers asked for and not given yet."""
    asked: int
    """Answers asked for in all."""
    page: str
    """Where people find the tasks in a browser."""


def answers_missing(config: Config, dataset: str) -> int:
    """Answers asked for and not given yet; 0 for a dataset whose labels are known, or before its first send.

    Raises LakemintError.
    """
    found = waiting(config, dataset)
    return found.missing if found else 0


def waiting(config: Config, dataset: str) -> Waiting | None:
    """How far people are; None for a dataset whose labels are known, or before its first send.

    A sample that is replayed needs no more answers than are recorded. Who skips a sample is not asked again:
    a skip is waited for no longer. Raises LakemintError.
    """
    asked = asking(load_recipe(config.schemas_folder(), dataset))
    if asked is None:
        return None
    with connect(config) as studio:
        project = find_project(studio, config, dataset)
        if project is None:
            return None
        wanted = _wanted(config, asked)
        fields = ("data", "total_annotations", "cancelled_annotations")
        only = fewer_answers_than(asked.per_sample)
        tasks = (task for page in studio.tasks(project.id, fields, only) for task in page if sample_of(task))
        missing = sum(max(0, wanted(task["data"]) - _given(task)) for task in tasks)
        return Waiting(missing, project.tasks * asked.per_sample, project_url(studio, project))


def _given(task: Mapping[str, Any]) -> int:
    return int(task["total_annotations"]) + int(task["cancelled_annotations"])


def _wanted(config: Config, asked: Asking) -> Callable[[Mapping[str, Any]], int]:
    """How many answers a task needs, by its data."""
    if asked.replay is None:
        return lambda data: asked.per_sample
    recorded, key = read_recordings(open_store(config), Lake(config.need("lake")), asked), asked.replay.key
    return lambda data: len(recorded.get((str(data.get(TASK_SOURCE)), str(data.get(key))), ()))
