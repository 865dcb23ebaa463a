"""The road's DAGs in a real Airflow, with jobs that do what a test tells them; followed, broken and healed.

The Airflow is one of its own, in a checkout of its own: what fails here must not show in anybody's demo.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lakemint.airflow.api import AirflowApi
from lakemint.airflow.runs import StageRun, Walk, follow, start
from lakemint.config import CREDENTIALS, SETTINGS, Config
from lakemint.errors import RunError
from lakemint.names import STAGES
from tests.support import CHECKOUT, LAKEMINT

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
}
JOB = """
import pathlib, sys, time
from lakemint.job import runner
from lakemint.errors import GateFailed, StoreUnavailable
from lakemint.job.outcome import Outcome

order = pathlib.Path(__file__).with_name("{job}.order")

def main({arguments}) -> Outcome:
    print("at work on", dataset)
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


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    checkout = tmp_path_factory.mktemp("airflow")
    home = checkout / ".lakemint" / "stack"
    pets = checkout / "schemas" / "pets"
    pets.mkdir(parents=True)
    for path in (CHECKOUT / "schemas" / "digits").iterdir():
        (pets / path.name).write_text(path.read_text().replace("name: digits", "name: pets"))
    (checkout / "dags").symlink_to(CHECKOUT / "dags")
    (checkout / "jobs").mkdir()
    for job, subject in SUBJECTS.items():
        code = JOB.format(
            job=job, subject=subject, arguments="dataset, table, version" if job == "gate" else "dataset"
        )
        (checkout / "jobs" / f"{job}.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEMINT_")]:
            patch.delenv(name)
        try:
            subprocess.run([LAKEMINT, "up", "airflow"], cwd=checkout, check=True)
            stored = {
                **json.loads((home / SETTINGS).read_text()),
                **json.loads((home / CREDENTIALS).read_text()),
            }
            config = Config(
                schemas=checkout / "schemas",
                **{name: stored[name] for name in ("airflow_url", "airflow_user", "airflow_password")},
            )
            yield Road(checkout, AirflowApi(config), config)
        finally:
            subprocess.run([LAKEMINT, "down"], cwd=checkout, check=False)


@pytest.fixture
def road(airflow: Road) -> Iterator[Road]:
    """The road, idle; afterwards no run and no order is left."""
    yield airflow
    for order in airflow.checkout.glob("jobs/*.order"):
        order.unlink()
    for run in airflow.api.get("/dags/~/dagRuns", state=["running", "queued"])["dag_runs"]:
        airflow.api.patch(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})


def followed(walk: Walk) -> list[StageRun]:
    return [stage for _, stage in follow([walk], timeout=180, pause=0.5)]


def test_a_walk_goes_through_every_stage_and_its_events_say_what_was_found(road: Road) -> None:
    walk = road.walk()
    followed(walk)
    assert walk.error is None
    assert [(name, stage.state) for name, stage in walk.stages.items()] == [
        (name, "success") for name in STAGES
    ]
    published = walk.outcome("publish", "publish")
    assert published is not None
    assert (published.subject, published.counts) == ("pets@1", {"rows": 1200})
    events = road.api.get("/assets/events", source_dag_id="refine_pets", limit=1)["asset_events"]
    assert events[0]["name"] == "silver/pets"
    assert events[0]["extra"] == {"version": "7", "changed": False, "counts": {"rows": 1200}, "verdict": "7"}


def test_the_command_tells_the_version_and_that_nothing_is_new(road: Road) -> None:
    done = road.run("run", "pets", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["dataset"], found["version"], found["new"]) == ("pets", "pets@1", False)
    assert "refine.gate" in done.stderr
    assert "rows 1,200" in done.stderr


def test_a_broken_gate_ends_the_walk_at_once_with_its_words_and_its_page(road: Road) -> None:
    road.order("gate", "break")
    done = road.run("run", "pets")
    assert done.returncode == 1
    assert "error: pets: refine failed at its task gate: critical: label in [cat, dog]: 3 rows" in done.stderr
    assert f"{road.config.airflow_url}/dags/refine_pets/runs/" in done.stderr
    assert "Traceback" not in done.stderr
    tasks = road.api.get("/dags/refine_pets/dagRuns/~/taskInstances", order_by="-run_after")["task_instances"]
    assert next(task["try_number"] for task in tasks if task["task_id"] == "gate") == 1


def test_a_stumble_is_tried_again_and_told(road: Road) -> None:
    road.order("assemble", "stumble")
    walk = road.walk()
    told = [task for stage in followed(walk) for task in stage.tasks if task.state == "up_for_retry"]
    assert told[0].error == "the object store failed; try again later"
    assert walk.error is None
    assert walk.done


def test_a_run_that_waits_is_joined_and_one_at_work_is_not(road: Road) -> None:
    road.order("ingest", "sleep")
    first, _ = start(road.api, "pets")
    road.pid("ingest")
    second, joined = start(road.api, "pets")
    assert (second != first, joined) == (True, False)
    third, joined = start(road.api, "pets")
    assert (third, joined) == (second, True)


def test_walks_that_wait_for_an_earlier_run_share_the_next_one(road: Road) -> None:
    road.order("label_send", "sleep")
    first = road.walk()
    begun = follow([first], timeout=180, pause=0.5)
    while first.stage != "label":
        next(begun)
    road.pid("label_send")
    later = []
    for _ in range(2):
        walk = road.walk()
        changes = follow([walk], timeout=180, pause=0.5)
        while "waits for an earlier run" not in walk.stages[walk.stage].note:
            next(changes)
        later.append(walk)
    (road.checkout / "jobs" / "label_send.order").unlink()
    road.api.patch(f"/dags/label_pets/dagRuns/{first.stages['label'].run}", {"state": "failed"})
    for _ in follow(later, timeout=180, pause=0.5):
        pass
    assert [walk.error for walk in later] == [None, None]
    assert later[0].stages["label"].run == later[1].stages["label"].run


def test_a_run_tells_how_far_it_is_and_ended_by_hand_ends_the_job_too(road: Road) -> None:
    road.order("ingest", "sleep")
    walk = road.walk()
    job = psutil.Process(road.pid("ingest"))
    moved = (stage for _, stage in follow([walk], timeout=60, pause=0.2) if stage.tasks[-1].progress)
    assert next(moved).tasks[-1].progress == "sent 1,000 of 4,000 samples"
    run = walk.stages["ingest"].run
    road.api.patch(f"/dags/ingest_pets/dagRuns/{run}", {"state": "failed"})
    followed(walk)
    assert "ingest failed" in str(walk.error)
    job.wait(timeout=30)


def test_an_interrupted_command_says_that_the_run_goes_on(road: Road) -> None:
    road.order("ingest", "sleep")
    command = subprocess.Popen(
        [LAKEMINT, "run", "pets"],
        cwd=road.checkout,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background may have been told to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one system call
    )
    road.pid("ingest")
    time.sleep(2)
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=20)
    assert command.returncode == 130
    assert f"pets: goes on in Airflow, {road.config.airflow_url}/dags/ingest_pets/runs/" in told


def test_a_walk_outlives_a_killed_api_server_and_scheduler(road: Road) -> None:
    walk = road.walk()
    for part in ("api_server", "airflow scheduler"):
        killed = [
            process
            for process in psutil.process_iter(["cmdline", "environ"])
            if part in " ".join(process.info["cmdline"] or [])
            and (process.info["environ"] or {}).get("LAKEMINT_HOME", "").startswith(str(road.checkout))
        ]
        assert killed, part
        for process in killed:
            process.kill()
    followed(walk)
    assert walk.error is None
    assert walk.done


def test_a_paused_stage_is_told_before_anything_runs(road: Road) -> None:
    road.api.patch("/dags/publish_pets", {"is_paused": True})
    try:
        with pytest.raises(RunError, match="publish_pets is paused: switch it on in Airflow"):
            start(road.api, "pets")
    finally:
        road.api.patch("/dags/publish_pets", {"is_paused": False})


def test_wrong_credentials_and_a_missing_airflow_are_told_apart(road: Road) -> None:
    wrong = Config(airflow_url=road.config.airflow_url, airflow_user="admin", airflow_password="wrong")
    with pytest.raises(RunError, match="refuses the user 'admin': see airflow_user"):
        AirflowApi(wrong).get("/dags")


def test_a_dataset_that_is_not_there_is_told_with_those_that_are(road: Road) -> None:
    done = road.run("run", "cats")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no dataset 'cats'" in done.stderr
    assert done.stderr.rstrip().endswith("there are pets")
    shutil.copytree(road.checkout / "schemas" / "pets", road.checkout / "schemas" / "dogs")
    try:
        assert "two cannot share a name" in road.run("run", "dogs").stderr
    finally:
        shutil.rmtree(road.checkout / "schemas" / "dogs")
