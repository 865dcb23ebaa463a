"""A checkout whose jobs do what a test tells them, and an Airflow of its own that runs them."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakemint.airflow.api import AirflowApi
from lakemint.airflow.runs import Walk, start
from lakemint.config import CREDENTIALS, SETTINGS, Config
from tests.support import CHECKOUT, LAKEMINT
from tests.unit import small_version
from tests.unit.small_version import publish_judged, row

SUBJECTS = {
    "ingest": "bronze/pets",
    "refine": "silver/pets",
    "gate": "gate/pets",
    "label_send": "tasks/pets",
    "label_replay": "replay/pets",
    "label_collect": "labels/pets",
    "assemble": "gold/pets",
    "publish": "pets@1",
    "train": "score/pets",
    "erase": "erasures/pets",
}
ARGUMENTS = {"gate": "dataset, table, version", "erase": "dataset, erasure"}
JOB = """
import pathlib, sys, time
from lakemint.job import runner
from lakemint.errors import GateFailed, StoreUnavailable
from lakemint.job.outcome import Outcome

order = pathlib.Path(__file__).with_name("{job}.order")

def main({arguments}) -> Outcome:
    print("at work on", {arguments})
    told = order.read_text() if order.exists() else ""
    if told == "sleep":
        print("sent 1,000 of 4,000 samples")
        order.with_suffix(".pid").write_text(str(__import__("os").getpid()))
        time.sleep(120)
    if told == "stumble":
        order.unlink()
        raise StoreUnavailable("the object store failed; try again later")
    if told == "break":
        raise GateFailed("critical: label in [cat, dog]: 3 rows, first 00ab")
    return Outcome("{subject}", "7", False, {{"rows": 1200}})

runner.run(main)
"""

NIGHTLY = """
import sys
from airflow.sdk import dag
from lakemint.airflow import TrainOperator

@dag(dag_id="nightly_pets", schedule=None, params={"code": ""})
def nightly():
    program = [sys.executable, "-c", "{{ params.code }}"]
    TrainOperator(task_id="train", version="pets@1", launcher="process", program=program, checkpoints="/ckpt")

nightly()
"""
"""A DAG of a user's own, whose training does what its form says."""


def eventually(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is found once it is as wanted."""
    deadline = time.monotonic() + 120
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    return found


class FormRun:
    """A run of a DAG that a person starts by its form."""

    def __init__(self, api: AirflowApi, dag: str, run: str) -> None:
        self._api, self.run, self.path = api, run, f"/dags/{dag}/dagRuns/{run}"
        self.asked: dict[str, Any] = {}
        """What a person was shown who had to decide."""

    def answer(self, option: str) -> None:
        """As who presses a button on the page of required actions, which lists the tasks that wait."""
        waiting = eventually(
            lambda: self._api.get(f"{self.path}/hitlDetails", state="awaiting_input")["hitl_details"], bool
        )
        self.asked = waiting[0]
        where = f"{self.path}/taskInstances/approve/-1/hitlDetails"
        self._api.patch(where, {"chosen_options": [option], "params_input": {}})

    def state(self, task: str) -> str:
        """That of a task now."""
        return str(self._api.get(f"{self.path}/taskInstances/{task}")["state"])

    def end(self) -> dict[str, str]:
        """How the run ended, and each of its tasks."""
        ended = ("success", "failed")
        run = eventually(lambda: self._api.get(self.path), lambda run: run["state"] in ended)
        tasks = self._api.get(f"{self.path}/taskInstances")["task_instances"]
        return {"run": run["state"], **{task["task_id"]: task["state"] for task in tasks}}

    def xcom(self, task: str, key: str = "return_value") -> Any:
        return self._api.get(f"{self.path}/taskInstances/{task}/xcomEntries/{key}")["value"]

    def log(self, task: str) -> str:
        """Of a task's first try."""
        return json.dumps(self._api.get(f"{self.path}/taskInstances/{task}/logs/1")["content"])

    def error(self, task: str) -> str:
        """What a task that failed complained of."""
        return str(self.xcom(task, "error"))


@dataclass(frozen=True)
class Road:
    """A checkout whose jobs take orders, and the Airflow that runs them."""

    checkout: Path
    api: AirflowApi
    config: Config

    def order(self, job: str, what: str) -> None:
        """Until told otherwise, the job does `what`: sleep, stumble (once), break, or nothing special."""
        (self.checkout / "jobs" / f"{job}.order").write_text(what)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`lakemint <arguments>`, as a user of this checkout."""
        return subprocess.run(
            [LAKEMINT, *arguments],
            cwd=self.checkout,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def walk(self) -> Walk:
        """A walk, started."""
        run, _ = start(self.api, "pets")
        return Walk(self.api, "pets", run)

    def form(self, dag: str, **filled_in: Any) -> FormRun:
        """Started with what a person fills into a DAG's form."""
        return FormRun(self.api, dag, self.api.trigger(dag, filled_in))

    def pid(self, job: str) -> int:
        """The process of a job that was told to sleep, once it does."""
        path = self.checkout / "jobs" / f"{job}.pid"
        deadline = time.monotonic() + 60
        while not path.exists() or not path.read_text():
            assert time.monotonic() < deadline, f"{job} did not start"
            time.sleep(0.2)
        pid = int(path.read_text())
        path.unlink()
        return pid


def amend(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


@contextmanager
def airflow_in(checkout: Path) -> Iterator[Road]:
    """The checkout's Airflow, up; its lake is a folder with two versions of `pets`, and two jobs are real."""
    home = checkout / ".lakemint" / "stack"
    pets = checkout / "schemas" / "pets"
    pets.mkdir(parents=True)
    for path in (CHECKOUT / "schemas" / "digits").iterdir():
        (pets / path.name).write_text(path.read_text().replace("name: digits", "name: pets"))
    amend(pets / "recipe.yaml", "{buckets: 4}", "{buckets: 4, channel: candidate, approve: [production]}")
    person = "{name: name, customProperties: [{property: dataSubject, value: true}]"
    amend(pets / "contract.yaml", "{name: name", person)
    (checkout / "dags").mkdir()
    for path in (CHECKOUT / "dags").glob("*.py"):
        (checkout / "dags" / path.name).symlink_to(path)
    (checkout / "dags" / "nightly.py").write_text(NIGHTLY)
    (checkout / "jobs").mkdir()
    for job, subject in SUBJECTS.items():
        code = JOB.format(job=job, subject=subject, arguments=ARGUMENTS.get(job, "dataset"))
        (checkout / "jobs" / f"{job}.py").write_text(code)
    for job in ("promote_check", "promote"):
        (checkout / "jobs" / f"{job}.py").symlink_to(CHECKOUT / "jobs" / f"{job}.py")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEMINT_")]:
            patch.delenv(name)
        patch.setattr(small_version, "DATASET", "pets")
        try:
            subprocess.run([LAKEMINT, "up", "airflow"], cwd=checkout, check=True)
            settings = json.loads((home / SETTINGS).read_text())
            settings |= {"lake": f"file://{checkout / 'lake'}", "s3_endpoint": ""}
            (home / SETTINGS).write_text(json.dumps(settings))
            stored = {**settings, **json.loads((home / CREDENTIALS).read_text())}
            names = ("lake", "airflow_url", "airflow_user", "airflow_password")
            config = Config(schemas=checkout / "schemas", **{name: stored[name] for name in names})
            for number in range(2):
                publish_judged(config, [row(index) for index in range(5 + number)])
            yield Road(checkout, AirflowApi(config), config)
        finally:
            subprocess.run([LAKEMINT, "down"], cwd=checkout, check=False)
