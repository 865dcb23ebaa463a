"""A dataset's project in Label Studio: found by a marker in its description, made when there is none."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lakemint.config import Config
from lakemint.digest import sha256
from lakemint.errors import LabelStudioError, LabelStudioUnavailable
from lakemint.label.asking import Asking
from lakemint.label.form import Form
from lakemint.label.studio import LabelStudio

_SAMPLE_ID_PATTERN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Project:
    """A project as the server has it. `marker` names dataset and lake; `form` is the form it shows."""

    id: int
    marker: str
    form: str
    maximum_annotations: int
    tasks: int


def marker(config: Config, dataset: str) -> str:
    """What tells a dataset's project: the dataset, and the lake, since two lakes may share a server."""
    return f"lakemint:{dataset}:{sha256(config.need('lake').rstrip('/').encode())[:16]}"


def find_project(studio: LabelStudio, config: Config, dataset: str) -> Project | None:
    """The dataset's project, the oldest if there are several; None when it was never made."""
    found = find_projects(studio, config, dataset)
    return min(found, key=lambda project: project.id, default=None)


def find_projects(studio: LabelStudio, config: Config, dataset: str) -> list[Project]:
    """Every project that bears the dataset's mark: more than one only if somebody copied it."""
    mark = marker(config, dataset)
    found: list[Project] = []
    page = 1
    while True:
        answer = studio.get(
            "/api/projects/",
            include="id,description,label_config,maximum_annotations,task_number",
            page=page,
            page_size=100,
        )
        found += [
            Project(
                item["id"], mark, item["label_config"] or "", item["maximum_annotations"], item["task_number"]
            )
            for item in answer["results"]
            if mark in (item["description"] or "").split()
        ]
        if not answer["next"]:
            return found
        page += 1


def need_project(studio: LabelStudio, config: Config, dataset: str) -> Project:
    """The dataset's project; raises LabelStudioError when it was never made."""
    project = find_project(studio, config, dataset)
    if project is None:
        raise LabelStudioError(
            f"Label Studio at {studio.url} has no project of {dataset}: "
            f"`lakemint run {dataset}` makes it and sends the samples"
        )
    return project


def ensure_project(studio: LabelStudio, config: Config, asked: Asking, form: Form) -> Project:
    """The dataset's project with this form and number of answers, made or mended if need be."""
    wanted = {"label_config": form.text, "maximum_annotations": asked.per_sample}
    project = find_project(studio, config, asked.dataset)
    if project is None:
        return _create(studio, config, asked.dataset, wanted)
    if (project.form, project.maximum_annotations) != tuple(wanted.values()):
        studio.write("PATCH", f"/api/projects/{project.id}/", wanted)
    return project


def title(dataset: str) -> str:
    """Label Studio wants three characters at least."""
    return dataset if len(dataset) > 2 else f"{dataset} labels"


def project_url(studio: LabelStudio, project: Project) -> str:
    """Where people find the project in a browser."""
    return f"{studio.url}/projects/{project.id}/data"


def sample_of(task: Mapping[str, Any]) -> str | None:
    """The sample a task asks about; None for a task that is not ours."""
    data = task.get("data")
    found = data.get("sample_id") if isinstance(data, dict) else None
    return found if isinstance(found, str) and _SAMPLE_ID_PATTERN.fullmatch(found) else None


def _create(studio: LabelStudio, config: Config, dataset: str, wanted: dict[str, Any]) -> Project:
    description = f"Samples of {dataset}, sent by Lakemint. Leave this mark: {marker(config, dataset)}"
    body = {"title": title(dataset), "description": description, "sampling": "Sequential sampling", **wanted}
    with suppress(LabelStudioUnavailable):  # settled by the look that follows
        studio.write("POST", "/api/projects/", body)
    return need_project(studio, config, dataset)
