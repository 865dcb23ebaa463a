"""A run on a real MLflow server: it shows the version that was trained on, and the version names the run."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

import httpx
import pytest

import lakemint
from benchmarks.peers import python
from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.lineage.consumers import consumers
from lakemint.names import Reference
from lakemint.stack.ports import choose_ports
from lakemint.store import open_store
from tests.integration.test_feed import environment
from tests.support import CHECKOUT
from tests.unit.small_version import publish, row

TRAINING = (CHECKOUT / "docs" / "ml-engineer.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one with an empty database."""
    folder, port = tmp_path_factory.mktemp("mlflow"), choose_ports(["mlflow"], set())["mlflow"]
    command = [
        *(str(python("mlflow")), "-m", "mlflow", "server", "--workers", "1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(f"{address}/health", process)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(url).is_success:
                return
        Event().wait(0.2)
    pytest.fail("MLflow does not come up")


def recipe() -> str:
    """The program of the documentation."""
    _, _, behind = TRAINING.partition("### With MLflow")
    return behind.partition("```python\n")[2].partition("```")[0]


def test_the_documented_program_ties_the_run_and_the_version_both_ways(
    config: Config, server: str, tmp_path: Path
) -> None:
    publish(config, [row(index) for index in range(50)])
    own = replace(config, cache=str(tmp_path / "cache"))
    program = recipe().replace("reviews@3", "notes@1")
    told = {**environment(own), "MLFLOW_TRACKING_URI": server, "PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run(
        [python("mlflow"), "-c", program], env=told, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    search = httpx.post(f"{server}/api/2.0/mlflow/runs/search", json={"experiment_ids": ["0"]}, timeout=60)
    (run,) = search.json()["runs"]
    (read,) = run["inputs"]["dataset_inputs"]
    version = lakemint.open("notes@1", config=own)
    assert read["dataset"]["name"] == "notes@1"
    assert read["dataset"]["digest"] == version.digest[:36]
    assert version.uri in read["dataset"]["source"]
    (consumer,) = consumers(open_store(config), Lake(config.lake), Reference("notes", 1)).found
    assert (consumer.run, consumer.epochs) == (run["info"]["run_id"], 1.0)
