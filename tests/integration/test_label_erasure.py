"""Tasks of erased samples are gone from the real Label Studio, with all that hung on them, byte for byte."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.errors import LabelStudioError
from lakemint.label import studio as label_studio
from lakemint.label.erasure import ErasedTasks, erase_tasks
from lakemint.label.project import Project, find_project, marker
from lakemint.label.send import read_sent, send
from lakemint.label.studio import LabelStudio, connect
from lakemint.stack.servers.label_studio import compact_label_studio
from tests.integration.fault_proxy import Fault, FaultProxy
from tests.integration.label_dataset import FORM

SAMPLES = [f"{number:032x}" for number in range(30)]
CHOICE = [{"from_name": "rating", "to_name": "text", "type": "choices", "value": {"choices": ["1"]}}]


@pytest.fixture
def studio(config: Config) -> Iterator[LabelStudio]:
    with connect(config) as found:
        yield found


@pytest.fixture
def dataset(config: Config, studio: LabelStudio) -> Iterator[str]:
    """A name nobody else has; its projects are taken away in the end."""
    name = f"le_{uuid.uuid4().hex[:10]}"
    yield name
    while project := find_project(studio, config, name):
        studio.write("DELETE", f"/api/projects/{project.id}/")


def make(studio: LabelStudio, config: Config, name: str, texts: dict[str, str]) -> Project:
    """A project of that dataset with a task for each sample."""
    body = {"title": name, "description": f"of {marker(config, name)}", "label_config": FORM}
    made = studio.write("POST", "/api/projects/", body)
    project = Project(made["id"], marker(config, name), FORM, 1, 0)
    samples = [{"sample_id": sample, "text": text} for sample, text in texts.items()]
    send(studio, project, samples, len(samples))
    return project


def task_ids(studio: LabelStudio, project: Project) -> dict[str, int]:
    return {
        task["data"]["sample_id"]: task["id"] for page in studio.tasks(project.id, ["data"]) for task in page
    }


def answer(studio: LabelStudio, task: int, **more: Any) -> None:
    studio.write("POST", f"/api/tasks/{task}/annotations/", {"result": CHOICE, **more})


def test_only_the_samples_tasks_go_with_all_that_hangs_on_them(
    config: Config, studio: LabelStudio, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_studio, "PAGE", 7)
    project = make(studio, config, dataset, {sample: f"text {sample}" for sample in SAMPLES})
    copy = make(studio, config, dataset, {sample: "copied" for sample in SAMPLES[:2]})
    tasks = task_ids(studio, project)
    for sample in SAMPLES[:4]:
        answer(studio, tasks[sample])
    answer(studio, tasks[SAMPLES[0]], was_cancelled=True)
    draft = studio.write("POST", f"/api/tasks/{tasks[SAMPLES[0]]}/drafts", {"result": CHOICE})
    studio.write("POST", "/api/predictions/", {"task": tasks[SAMPLES[0]], "result": CHOICE})
    gone, left = SAMPLES[::2], SAMPLES[1::2]

    assert erase_tasks(studio, config, dataset, iter([*gone, "f" * 32])) == ErasedTasks(tasks=16, answers=3)

    assert read_sent(studio, project).samples == {*left}
    assert read_sent(studio, copy).samples == {SAMPLES[1]}
    assert [len(studio.get(f"/api/tasks/{tasks[sample]}/annotations/")) for sample in left[:2]] == [1, 1]
    with pytest.raises(LabelStudioError, match="404"):
        studio.get(f"/api/drafts/{draft['id']}/")
    assert erase_tasks(studio, config, dataset, gone) == ErasedTasks(0, 0)


def test_what_is_not_there_is_nothing(config: Config, studio: LabelStudio, dataset: str) -> None:
    assert erase_tasks(studio, config, dataset, SAMPLES) == ErasedTasks(0, 0)
    project = make(studio, config, dataset, {SAMPLES[0]: "text"})
    studio.write("POST", f"/api/projects/{project.id}/import", [{"data": {"text": "somebody's own"}}])
    assert erase_tasks(studio, config, dataset, []) == ErasedTasks(0, 0)
    assert erase_tasks(studio, config, dataset, SAMPLES) == ErasedTasks(1, 0)
    assert [len(page) for page in studio.tasks(project.id, ["data"])] == [1]


def test_lost_replies_and_refused_requests_leave_no_task(
    config: Config, studio: LabelStudio, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakemint.label.erasure.PAUSES", (0.1,) * 4)
    project = make(studio, config, dataset, {sample: "text" for sample in SAMPLES})
    proxy = FaultProxy(studio.url)
    faults = {2: Fault(lose_reply=True), 5: Fault(refuse=True), 9: Fault(lose_reply=True)}

    def judge(method: str, path: str) -> Fault | None:
        return faults.get(sum(seen == "DELETE" for seen, _ in proxy.seen)) if method == "DELETE" else None

    proxy.judge = judge
    with LabelStudio(proxy.endpoint, config.label_studio_token) as shaky:
        assert erase_tasks(shaky, config, dataset, SAMPLES[:20]) == ErasedTasks(20, 0)
    proxy.close()
    assert sum(method == "DELETE" for method, _ in proxy.seen) == 21
    assert read_sent(studio, project).samples == {*SAMPLES[20:]}


def test_a_compacted_database_has_no_byte_of_what_was_erased(
    config: Config, studio: LabelStudio, dataset: str
) -> None:
    """While people go on answering."""
    assert config.home is not None
    secret = uuid.uuid4().hex
    texts = {sample: f"{secret} {sample} " + "long " * 3_000 for sample in SAMPLES[:20]}
    project = make(studio, config, dataset, texts | {SAMPLES[20]: "of somebody else"})
    tasks = task_ids(studio, project)
    for sample in SAMPLES[:3]:
        value = {"choices": ["1"], "remark": secret}
        answer(studio, tasks[sample], result=[{**CHOICE[0], "value": value}])
    assert holding(config.home, secret), "the test must find what is there"
    erase_tasks(studio, config, dataset, SAMPLES[:20])

    stop, answers = threading.Event(), 0

    def go_on() -> None:
        nonlocal answers
        while not stop.is_set():
            answer(studio, tasks[SAMPLES[20]])
            answers += 1

    worker = threading.Thread(target=go_on)
    worker.start()
    compact_label_studio(config.home)
    stop.set()
    worker.join()
    assert holding(config.home, secret) == []
    assert len(studio.get(f"/api/tasks/{tasks[SAMPLES[20]]}/annotations/")) == answers > 0


def holding(home: Path, text: str) -> list[str]:
    """The files of Label Studio's instance, its logs included, that hold the text."""
    files = [*(home / "label-studio").rglob("*"), *home.glob("logs/label-studio*")]
    return [path.name for path in files if path.is_file() and text.encode() in path.read_bytes()]
