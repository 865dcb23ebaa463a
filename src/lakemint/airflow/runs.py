"""A dataset's walk through the road, followed through Airflow. Draws nothing; `cli/walks.py` does."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any
from urllib.parse import quote

from lakemint.airflow.api import AirflowApi, Refused
from lakemint.errors import RunError
from lakemint.job.outcome import Outcome
from lakemint.names import STAGES, dag_id

PARSED_WITHIN = 90.0
"""Seconds in which Airflow must know a dataset's DAGs: it looks at the folder every half minute."""

WOKEN_WITHIN = 45.0
"""Seconds from a stage's end to the next one's beginning, at most; it takes one or two."""

QUEUED_LONG = 5.0
"""Seconds after which a run that is still queued is worth explaining."""

DEFERRED = "deferred"
WAITING = {None, "scheduled", "queued", "up_for_reschedule"}


@dataclass(frozen=True)
class Task:
    """One task of a stage, as it stands."""

    name: str
    state: str
    """Airflow's word, or `waiting` before the task runs."""
    seconds: float | None
    page: str
    outcome: Outcome | None = None
    """Once it succeeded, if it has one."""
    error: str = ""
    """Once it failed, also when it will be tried again."""
    progress: str = ""
    """While it runs: how far it is, in its job's own words."""


@dataclass(frozen=True)
class StageRun:
    """One stage's run, as it stands."""

    stage: str
    run: str
    state: str
    page: str
    tasks: tuple[Task, ...] = ()
    note: str = ""
    """What the run waits for, when it does."""


def start(api: AirflowApi, dataset: str) -> tuple[str, bool]:
    """Id of an ingest run that will see all that has landed by now, and whether it was there already.

    A run that waits in the queue is joined, since it has yet to look. One that is at work may have looked
    already: a new one is queued behind it. Raises RunError when the road of the dataset is not ready.
    """
    check_road(api, dataset)
    dag = dag_id("ingest", dataset)
    queued = api.get(f"/dags/{dag}/dagRuns", state="queued", limit=1)["dag_runs"]
    if queued:
        return str(queued[0]["dag_run_id"]), True
    return api.trigger(dag, {"walk": True}), False


def check_road(api: AirflowApi, dataset: str, within: float = PARSED_WITHIN) -> None:
    """Raises RunError unless all of the dataset's DAGs are there (waiting a while) and none is paused."""
    deadline = time.monotonic() + within
    while True:
        found = api.get("/dags", tags=[dataset], limit=100)["dags"]
        paused = {dag["dag_id"]: dag["is_paused"] for dag in found}
        missing = [dag_id(stage, dataset) for stage in STAGES if dag_id(stage, dataset) not in paused]
        broken = api.get("/importErrors", limit=1)["import_errors"] if missing else []
        if broken:
            raise RunError(f"Airflow cannot read dags/{broken[0]['filename']}:\n{broken[0]['stack_trace']}")
        if not missing:
            break
        if time.monotonic() > deadline:
            raise RunError(f"Airflow has no DAG {', '.join(missing)}: is dags/ the folder it reads?")
        time.sleep(1)
    for stage in STAGES:
        if paused[dag_id(stage, dataset)]:
            raise switched_off(api, dag_id(stage, dataset))


class Walk:
    """Follows one dataset from its ingest run to the end of the road. `poll` again and again until `done`.

    `people` tells, while the road waits for them, how far they are and where they answer.
    """

    def __init__(
        self, api: AirflowApi, dataset: str, run: str, people: Callable[[], str] = lambda: ""
    ) -> None:
        self.dataset = dataset
        self.stages: dict[str, StageRun] = {}
        """As last seen, in the order of the road."""
        self.error: RunError | None = None
        """Why the walk ended early; None while all is well."""
        self.done = False
        self._api = api
        self._people = people
        self._order: dict[str, list[str]] = {}
        self._ended: float | None = None
        self._queued = 0.0
        self._enter(STAGES[0], run)

    def poll(self) -> StageRun | None:
        """Ask Airflow once: the current stage if it has changed, else None."""
        before = self.stages[self.stage]
        try:
            now = self._look(before)
            self.stages[self.stage] = now
            if now.state == "failed":
                raise _failure(now)
            if now.state == "success":
                self._go_on()
        except RunError as error:
            self.error, self.done = error, True
        after = self.stages[before.stage]
        return after if after != before else None

    def outcome(self, stage: str, task: str) -> Outcome | None:
        """What a task said; None when it did not get there."""
        tasks = self.stages[stage].tasks if stage in self.stages else ()
        return next((found.outcome for found in tasks if found.name == task), None)

    def page(self) -> str:
        """Where to look in Airflow now."""
        return self.stages[self.stage].page

    def _enter(self, stage: str, run: str) -> None:
        self.stage, self._ended, self._queued = stage, None, time.monotonic()
        self.stages[stage] = StageRun(stage, run, "queued", self._api.page(dag_id(stage, self.dataset), run))

    def _look(self, before: StageRun) -> StageRun:
        dag = dag_id(before.stage, self.dataset)
        path = f"/dags/{dag}/dagRuns/{quote(before.run, safe='')}"
        state = str(self._api.get(path)["state"])  # before the tasks: a run that has ended has final tasks
        listed = {item["task_id"]: item for item in self._api.get(f"{path}/taskInstances")["task_instances"]}
        known = {task.name: task for task in before.tasks}
        tasks = tuple(
            self._task(path, listed[name], known.get(name)) for name in self._names(dag) if name in listed
        )
        return replace(before, state=state, tasks=tasks, note=self._note(dag, state, tasks))

    def _task(self, path: str, item: Mapping[str, Any], known: Task | None) -> Task:
        name, state = item["task_id"], item["state"]
        if known is not None and known.state == state and state != "running":
            return known
        task = Task(
            name,
            state="waiting" if state in WAITING else state,
            seconds=item["duration"],
            page=self._api.page(item["dag_id"], item["dag_run_id"], name),
        )
        where = f"{path}/taskInstances/{name}"
        if state == "success" and (value := self._xcom(where, "return_value")):
            return replace(task, outcome=Outcome(**value))
        if state == "running":
            return replace(task, progress=str(self._xcom(where, "progress") or ""))
        if state in ("failed", "up_for_retry"):
            error = self._xcom(where, "error") or self._logged_error(where, item["try_number"])
            return replace(task, error=str(error))
        return task

    def _names(self, dag: str) -> list[str]:
        """The DAG's tasks in the order they run, asked for once."""
        if dag not in self._order:
            tasks = self._api.get(f"/dags/{dag}/tasks")["tasks"]
            after = {task["task_id"]: set(task["downstream_task_ids"]) for task in tasks}
            self._order[dag] = list(TopologicalSorter(after).static_order())[::-1]
        return self._order[dag]

    def _xcom(self, where: str, key: str) -> Any:
        try:
            return self._api.get(f"{where}/xcomEntries/{key}")["value"]
        except Refused:
            return None

    def _logged_error(self, where: str, attempt: int) -> str:
        """The last error in the task's log, for a task that was ended before it could say why."""
        try:
            lines = self._api.get(f"{where}/logs/{attempt}")["content"]
        except Refused:
            lines = []
        errors = [
            line for line in lines if isinstance(line, dict) and line.get("level") in ("error", "critical")
        ]
        if not errors:
            return "it was ended from outside, and left no error in its log"
        detail = errors[-1].get("error_detail") or [{}]
        return str(detail[0].get("exc_value") or errors[-1]["event"])

    def _note(self, dag: str, state: str, tasks: Sequence[Task]) -> str:
        if any(task.state == DEFERRED for task in tasks):
            return f"waits {self._for_people()}"
        if state == "queued" and time.monotonic() - self._queued > QUEUED_LONG:
            return self._line(dag)
        return ""

    def _go_on(self) -> None:
        """From a stage that succeeded to the run it woke."""
        dag, run = dag_id(self.stage, self.dataset), self.stages[self.stage].run
        if self.stage == STAGES[-1]:
            self.done = True
            return
        following = dag_id(STAGES[STAGES.index(self.stage) + 1], self.dataset)
        # Airflow 3.3 cannot show an event while a run that it woke has not begun (its issue 71360).
        found = self._api.glance("/assets/events", source_dag_id=dag, source_run_id=run)
        events = found["asset_events"] if found else []
        created = (run for event in events for run in event["created_dagruns"])
        woken = [run["run_id"] for run in created if run["dag_id"] == following]
        if woken or (woken := self._began_after(following, events)):
            self._enter(following.removesuffix(f"_{self.dataset}"), woken[0])
            return
        self._ended = self._ended or time.monotonic()
        silence = time.monotonic() - self._ended
        if silence > QUEUED_LONG and (note := self._line(following)):
            # Airflow makes the run only when the one at work has ended.
            self.stages[self.stage] = replace(self.stages[self.stage], note=f"{following} {note}")
        elif silence > WOKEN_WITHIN and found is not None:
            self._explain_silence(dag, following, bool(events))

    def _began_after(self, dag: str, events: Sequence[Mapping[str, Any]]) -> list[str]:
        """Id of the run that saw what `events` tell of, though Airflow does not say that they woke it.

        Of several events that come while an earlier run is at work, it names the first as what woke the next.
        """
        if not events:
            return []
        told = max(str(event["timestamp"]) for event in events)
        asked = {"start_date_gte": told, "order_by": "start_date", "limit": 1}
        return [run["dag_run_id"] for run in self._api.get(f"/dags/{dag}/dagRuns", **asked)["dag_runs"]]

    def _line(self, dag: str) -> str:
        """What a queued run of the DAG waits for."""
        ahead = self._api.get(f"/dags/{dag}/dagRuns", state="running", limit=1)["dag_runs"]
        if not ahead:
            return ""
        run = str(ahead[0]["dag_run_id"])
        tasks = self._api.get(f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances")["task_instances"]
        waits = any(task["state"] == DEFERRED for task in tasks)
        why = f", which waits {self._for_people()}; " if waits else ": "
        return f"waits for an earlier run{why}{self._api.page(dag, run)}"

    def _for_people(self) -> str:
        return f"for people's answers in Label Studio: {self._people()}"

    def _explain_silence(self, dag: str, following: str, told: bool) -> None:
        if self._api.get(f"/dags/{following}")["is_paused"]:
            raise switched_off(self._api, following)
        why = "the scheduler has not started it" if told else "a task of it was skipped or marked by hand"
        raise RunError(
            f"{dag} succeeded, but woke no run of {following}: {why}. Start {following} in Airflow: "
            f"{self._api.page(following)}"
        )


def follow(
    walks: Sequence[Walk], timeout: float | None = None, pause: float = 1.0
) -> Iterator[tuple[Walk, StageRun]]:
    """Follow walks side by side, yielding each change, until all are done; look at their `error` then.

    Raises RunError when `timeout` seconds pass first; the runs go on in Airflow.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while unfinished := [walk for walk in walks if not walk.done]:
        for walk in unfinished:
            if (change := walk.poll()) is not None:
                yield walk, change
        if deadline is not None and time.monotonic() > deadline:
            pages = ", ".join(walk.page() for walk in unfinished)
            raise RunError(f"not done after {timeout:g} s; it goes on in Airflow: {pages}")
        if not all(walk.done for walk in walks):
            time.sleep(pause)


def _failure(stage: StageRun) -> RunError:
    failed = next((task for task in stage.tasks if task.state == "failed"), None)
    if failed is None:
        return RunError(f"{stage.stage} failed, though none of its tasks did: {stage.page}")
    return RunError(f"{stage.stage} failed at its task {failed.name}: {failed.error}\nsee {failed.page}")


def switched_off(api: AirflowApi, dag: str) -> RunError:
    """What to say of a DAG that is switched off."""
    return RunError(f"{dag} is paused: switch it on in Airflow, {api.page(dag)}")
