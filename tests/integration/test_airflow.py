"""The road's DAGs in a real Airflow, with jobs that do what a test tells them; followed, broken and healed.

The Airflow is one of its own, in a checkout of its own: what fails here must not show in anybody's demo.
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from lakemint.airflow.api import AirflowApi, Refused
from lakemint.airflow.runs import StageRun, Walk, follow, start
from lakemint.config import HANDOVER, Config
from lakemint.errors import RunError
from lakemint.handover.kept import listing
from lakemint.lake import Lake
from lakemint.names import STAGES, Channel
from lakemint.published.channels import history
from lakemint.published.version_record import read_version
from lakemint.stack.processes import marked
from lakemint.store import open_store
from tests.integration.airflow_road import FormRun, Road, airflow_in, eventually
from tests.support import LAKEMINT
from tests.unit.handover.handovers import READ, SLEEP


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with airflow_in(tmp_path_factory.mktemp("airflow")) as road:
        yield road


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


def killed(road: Road, *parts: str) -> None:
    """End the processes of the road's Airflow that have one of these in their command, the hard way."""
    for part in parts:
        found = [
            process
            for process in psutil.process_iter(["cmdline", "environ"])
            if part in " ".join(process.info["cmdline"] or [])
            and (process.info["environ"] or {}).get("LAKEMINT_HOME", "").startswith(str(road.checkout))
        ]
        assert found, part
        for process in found:
            process.kill()


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
    killed(road, "api_server", "airflow scheduler")
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


DAG = "promote_pets"
WHO = "Zoë Quillfeather"


def form(road: Road, version: int, channel: str, **more: Any) -> FormRun:
    return road.form(DAG, version=version, channel=channel, **more)


def held(road: Road, channel: str) -> list[tuple[int, str, str]]:
    """(version, by, reason), newest first."""
    positions = history(open_store(road.config), Lake(road.config.lake), Channel("pets", channel))
    return [(position.version, position.by, position.reason) for position in positions]


def test_a_person_decides_on_a_promotion_and_only_approval_moves_the_channel(road: Road) -> None:
    asked = road.run("promote", "pets@1", "--to", "production", "--reason", "first", "--json")
    assert asked.returncode == 0, asked.stderr
    told = json.loads(asked.stdout)
    assert (told["changed"], told["name"]) == (False, "pets@1")
    run = told["approve_at"].split("/")[-2]
    assert told["approve_at"] == f"{road.api.page(DAG, run)}/required_actions"
    first, second = FormRun(road.api, DAG, run), form(road, 2, "production", reason="too early")
    free, unknown = form(road, 1, "candidate", reason="to look at"), form(road, 9, "production")

    assert unknown.end() == {
        "run": "failed",
        "check": "failed",
        "approve": "upstream_failed",
        "promote": "upstream_failed",
    }
    assert unknown.error("check") == "pets@9: no such version; there are pets@1, pets@2"
    second.answer("Reject")
    assert second.end() == {
        "run": "failed",
        "check": "success",
        "approve": "failed",
        "promote": "upstream_failed",
    }
    assert second.error("approve") == "admin rejected it; nothing was moved"
    assert free.end()["run"] == "success"
    assert held(road, "candidate") == [(1, "admin", "to look at")]

    again = road.run("promote", "pets@1", "--to", "production")
    assert " ".join(again.stdout.split()) == (
        "asked for approval to move pets@production: new → pets@1; approve or reject at " + told["approve_at"]
    )
    assert "production" not in road.run("channels", "pets").stdout, "nobody approved it yet"
    first.answer("Approve")
    assert set(first.end().values()) == {"success"}
    assert held(road, "production") == [(1, "admin", "first")]
    assert first.asked["subject"] == "Promote pets@1 to pets@production?"
    digest = read_version(open_store(road.config), Lake(road.config.lake), "pets", 1).manifest
    for part in (digest, "rows: 5", "passed", "Why: first"):
        assert part in first.asked["body"]


def test_a_training_is_handed_over_and_its_task_has_the_result(road: Road) -> None:
    done = road.form("nightly_pets", code=READ)
    assert done.end() == {"run": "success", "train": "success"}
    result = done.xcom("train")
    assert (result["version"], result["state"], result["checkpoints"]) == ("pets@1", "succeeded", "/ckpt")
    assert (
        result["digest"] == read_version(open_store(road.config), Lake(road.config.lake), "pets", 1).manifest
    )
    told = road.run("version", "consumers", "pets@1", "--json")
    assert result["run"] in told.stdout
    failed = road.form("nightly_pets", code="raise SystemExit('CUDA out of memory')")
    assert failed.end() == {"run": "failed", "train": "failed"}
    assert failed.error("train").endswith("CUDA out of memory\nexit status 1")


def test_a_training_outlives_killed_servers_and_ends_with_its_task(road: Road) -> None:
    begun = road.form("nightly_pets", code=SLEEP)
    eventually(lambda: begun.state("train"), lambda state: state == "deferred")
    handed = listing(open_store(road.config), Lake(road.config.lake), "pets")
    (mark,) = {one.data().decode() for one in handed if one.training.program[-1] == SLEEP}
    (before,) = [one for one in marked(HANDOVER, mark) if SLEEP in one.cmdline()[2:3]]
    killed(road, "airflow triggerer", "airflow scheduler")
    time.sleep(5)
    assert before.is_running(), "it has nothing to do with Airflow's servers"
    road.api.patch(begun.path, {"state": "failed"})
    eventually(lambda: marked(HANDOVER, mark), lambda left: not left)


@pytest.mark.parametrize(
    ("dag", "filled_in"),
    [
        (DAG, {"channel": "production"}),
        (DAG, {"version": 0, "channel": "x"}),
        (DAG, {"version": 1, "channel": "No"}),
        ("erase_pets", {"erasure": "Ann"}),
    ],
)
def test_a_form_that_is_filled_in_wrongly_starts_nothing(
    road: Road, dag: str, filled_in: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="Invalid input for param"):
        road.form(dag, **filled_in)


def test_an_erasure_is_known_by_its_number_and_nothing_of_airflow_names_anybody(road: Road) -> None:
    placed = road.run("erase", "pets", "--subject", WHO, "--order-only")
    assert placed.returncode == 0, placed.stderr
    number = placed.stdout.split()[1].rstrip(":")
    one, all_open = road.form("erase_pets", erasure=number), road.form("erase_pets")
    assert one.end() == all_open.end() == {"run": "success", "erase": "success"}
    assert (f"at work on pets {number}" in one.log("erase"), number in all_open.log("erase")) == (True, False)
    asked = {"source_dag_id": "erase_pets", "source_run_id": one.run}
    (event,) = road.api.get("/assets/events", **asked)["asset_events"]
    assert event["name"] == "bronze/pets"
    assert [run["dag_id"] for run in event["created_dagruns"]] == ["refine_pets"]
    (order,) = road.checkout.glob("lake/published/pets/erasures/*.json")
    assert WHO.encode() in order.read_bytes()
    # Its database, its logs, and what all servers keep.
    kept = [path for path in (road.checkout / ".lakemint").rglob("*") if path.is_file()]
    assert [path for path in kept if one.run in str(path) and path.suffix == ".log"]
    assert [path for path in kept if WHO.split()[1].encode() in path.read_bytes()] == []
