"""A training handed over by a task: begun, deferred, looked at by its trigger, ended one way or the other."""

import asyncio
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakemint.airflow as provider
from lakemint.config import Config
from lakemint.handover.begin import launcher_of
from lakemint.handover.kept import listing
from lakemint.handover.record import Handover, parse_handover
from lakemint.lake import Lake
from lakemint.store import open_store
from tests.unit.handover.handovers import READ, SLEEP
from tests.unit.small_version import publish, row, settings

if TYPE_CHECKING:
    from lakemint.airflow.triggers import TrainingTrigger


@dataclass
class Task:
    """The place of Airflow's task instance."""

    dag_id: str = "nightly"
    run_id: str = "manual__2026-11-24T03:00:00+00:00"
    task_id: str = "train_Notes"
    map_index: int = -1
    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    from lakemint.airflow import triggers

    monkeypatch.setattr(triggers, "FIRST", 0.05)
    config = replace(settings(tmp_path), home=tmp_path / "home")
    publish(config, [row(index) for index in range(20)])
    for name, value in (("LAKE", config.lake), ("CACHE", config.cache), ("HOME", str(config.home))):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    return config


def operator(code: str = READ, **changed: Any) -> "provider.TrainOperator":
    own = {"version": "notes@1", "program": [sys.executable, "-c", code], "launcher": "process"}
    return provider.TrainOperator(task_id="train", **{**own, "checkpoints": "/ckpt", **changed})


def deferred(task: "provider.TrainOperator", around: Any) -> "TrainingTrigger":
    """The trigger that the task leaves to wait for it."""
    from airflow.sdk.exceptions import TaskDeferred

    with pytest.raises(TaskDeferred) as raised:
        task.execute(around)
    assert raised.value.method_name == "ended"
    trigger: TrainingTrigger = raised.value.trigger
    return trigger


def fired(trigger: "TrainingTrigger") -> Any:
    """What it fires, made again from what Airflow keeps, as after a restart of the triggerer."""
    _, arguments = trigger.serialize()

    async def first() -> Any:
        return await anext(type(trigger)(**arguments).run())

    return asyncio.run(first()).payload


def handed(trigger: "TrainingTrigger") -> Handover:
    return parse_handover(trigger.record.encode(), "here")


def test_a_training_that_succeeds_is_the_tasks_result(config: Config) -> None:
    around: Any = {"ti": Task()}
    trigger = deferred(operator(), around)
    result = operator().ended(around, fired(trigger))
    run = handed(trigger).training.run
    assert run.startswith("t-train-notes-")
    assert result == {
        "run": run,
        "version": "notes@1",
        "digest": handed(trigger).manifest,
        "state": "succeeded",
        "checkpoints": "/ckpt",
    }
    assert around["ti"].pushed == {}


def test_another_try_joins_the_training_and_another_run_begins_its_own(config: Config) -> None:
    first, again = (deferred(operator(SLEEP), {"ti": Task()}) for _ in range(2))
    other = deferred(operator(SLEEP), {"ti": Task(run_id="manual__2")})
    assert first.record == again.record != other.record
    assert len(listing(open_store(config), Lake(config.lake), "notes")) == 2
    for one in (first, other):
        asyncio.run(one.on_kill())
        assert fired(one)["words"].endswith("it was stopped")


def test_one_that_failed_says_its_last_words_and_is_tried_again(config: Config) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    around: Any = {"ti": Task()}
    task = operator("print('CUDA out of memory'); raise SystemExit(1)")
    trigger = deferred(task, around)
    with pytest.raises(AirflowException, match="CUDA out of memory\nexit status 1") as raised:
        task.ended(around, fired(trigger))
    assert not isinstance(raised.value, AirflowFailException)
    assert around["ti"].pushed["error"] == str(raised.value)
    second = handed(deferred(task, around))
    assert (second.attempt, second.training) == (2, handed(trigger).training)


def test_after_the_deadline_it_is_stopped(config: Config) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    around: Any = {"ti": Task()}
    task = operator(SLEEP, deadline=timedelta(seconds=0.2))
    trigger = deferred(task, around)
    with pytest.raises(AirflowFailException, match=r"was running after 0:00:00\.200000, and was stopped"):
        operator(SLEEP, deadline=timedelta(seconds=0.2)).ended(around, fired(trigger))
    job = launcher_of(config, handed(trigger)).look(handed(trigger))
    assert job is not None
    assert job.last_line == "it was stopped"


def test_killed_before_it_waits_the_task_stops_its_training(config: Config) -> None:
    task = operator(SLEEP)
    task.on_kill()
    trigger = deferred(task, {"ti": Task()})
    task.on_kill()
    assert fired(trigger)["state"] == "failed"


def test_what_cannot_be_handed_over_fails_at_once(config: Config) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    around: Any = {"ti": Task()}
    with pytest.raises(AirflowFailException, match="notes@7: no such version; there is notes@1"):
        operator(version="notes@7").execute(around)
    assert "no such version" in around["ti"].pushed["error"]


def test_a_launcher_that_is_away_does_not_end_the_wait(config: Config) -> None:
    trigger = deferred(operator(), {"ti": Task()})
    away = replace(handed(trigger), place="gpu-7").data().decode()
    event = fired(type(trigger)(away, datetime.now(UTC) + timedelta(seconds=0.3)))
    assert (event["state"], "on gpu-7, and this is" in event["words"]) == ("unknown", True)
    assert fired(trigger)["state"] == "succeeded"
