"""A walk where there is no terminal: a line when something begins, moves or ends, and not one a second."""

from typing import cast

import pytest

from lakemint.airflow.runs import StageRun, Task, Walk
from lakemint.cli import people, walks
from lakemint.cli.people import People
from lakemint.cli.walks import Walks
from lakemint.config import Config
from lakemint.errors import LabelStudioUnavailable
from lakemint.label.waiting import Waiting


class Label:
    """A walk in its label stage."""

    dataset = "reviews"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that both modules see; a test moves them on."""
    now = [1000.0]
    for module in (walks, people):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def stage(*tasks: Task, note: str = "") -> StageRun:
    return StageRun("label", "run", "running", "page", tasks, note)


def sending(done: int) -> StageRun:
    send = Task("send", "running", None, "page", progress=f"sent {done:,} of 9,000 samples")
    return stage(send, Task("replay", "waiting", None, "page"))


def test_what_is_under_way_is_told_at_once_and_then_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown, walk = Walks([]), cast("Walk", Label())
    for second in range(31):
        shown.update(walk, sending(second * 100))
        clock[0] += 1
    shown.update(walk, stage(note="waits for people's answers in Label Studio: 7 of 9 are missing"))
    told = [line.split(maxsplit=2)[1:] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        ["label", "begins"],
        ["label.send", "sent 0 of 9,000 samples"],
        ["label.send", "sent 1,500 of 9,000 samples"],
        ["label.send", "sent 3,000 of 9,000 samples"],
        ["label", "waits for people's answers in Label Studio: 7 of 9 are missing"],
    ]


def test_the_progress_of_a_job_cannot_steer_the_terminal(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("send", "running", None, "page", progress="\x1b[2J1 of 2")
    Walks([]).update(cast("Walk", Label()), stage(task, task))
    assert "\x1b" not in capsys.readouterr().out


def test_people_are_asked_for_now_and_then_and_the_last_answer_stands(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Waiting | LabelStudioUnavailable | None] = [
        None,
        Waiting(1200, 1440, "http://studio/projects/3/data"),
        LabelStudioUnavailable("away"),
    ]

    def waiting(config: Config, dataset: str) -> Waiting | None:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("lakemint.label.waiting.waiting", waiting)
    ask = People(Config(label_studio_url="http://studio"), "reviews")
    assert [ask(), ask()] == ["http://studio", "http://studio"]
    for _ in range(2):
        clock[0] += people.PAUSE
        assert ask() == "1,200 of 1,440 are missing, http://studio/projects/3/data"
    assert answers == []
