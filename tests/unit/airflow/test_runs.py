"""A walk that is behind another one, as far as Airflow's answers tell."""

from typing import Any, cast

import pytest

from lakemint.airflow import runs
from lakemint.airflow.api import AirflowApi
from lakemint.airflow.runs import Walk


class Answers:
    """Airflow's: ingest has ended, and of refine an earlier run is at work, whose task is in `state`."""

    def __init__(self, state: str) -> None:
        self._tasks = {"first": state, "mine": "success"}

    def page(self, dag: str, run: str = "", task: str = "") -> str:
        return f"http://airflow/{dag}/{run}"

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        if path.endswith("/taskInstances"):
            state = self._tasks[path.split("/")[-2]]
            task = {"task_id": "only", "state": state, "duration": 1.0, "try_number": 1}
            return {"task_instances": [{**task, "dag_id": "any", "dag_run_id": "any"}]}
        if path.endswith("/tasks"):
            return {"tasks": [{"task_id": "only", "downstream_task_ids": []}]}
        if path.endswith("/dagRuns"):
            return {"dag_runs": [{"dag_run_id": "first"}] if asked.get("state") == "running" else []}
        return {"state": "success"} if path.endswith("/mine") else {"value": None}

    def glance(self, path: str, **asked: Any) -> dict[str, Any]:
        return {"asset_events": [{"timestamp": "2026-11-23", "created_dagruns": []}]}


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("running", ": "),
        ("deferred", ", which waits for people's answers in Label Studio: 7 of 9 are missing; "),
    ],
)
def test_what_an_earlier_run_waits_for_is_told_and_is_no_error(
    monkeypatch: pytest.MonkeyPatch, state: str, why: str
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("lakemint.airflow.runs.time.monotonic", lambda: clock[0])
    walk = Walk(cast("AirflowApi", Answers(state)), "pets", "mine", lambda: "7 of 9 are missing")
    for _ in range(4):  # for as long as it takes
        walk.poll()
        clock[0] += runs.WOKEN_WITHIN
    assert (walk.error, walk.done) == (None, False)
    note = walk.stages["ingest"].note
    assert note == f"refine_pets waits for an earlier run{why}http://airflow/refine_pets/first"
