"""The demo's versions, rebuilt bit for bit whatever Spark they are rebuilt on."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from lakemint.config import CREDENTIALS, SETTINGS, Config
from lakemint.files import write_json, write_private
from lakemint.stack.layout import spark_home
from tests.e2e.conftest import road, version_card
from tests.support import CHECKOUT, LAKEMINT

if TYPE_CHECKING:
    from tests.e2e.conftest import Road

__all__ = ["road"]

CLUSTER = "local-cluster[2,1,1024]"
"""Two executors, processes of their own, with a core each."""
MASTERS = (CLUSTER, "local[1]", "local[2]", "local[4]")


@pytest.fixture
def spark_of_its_own(
    road: "Road", seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Home of another Spark server, with another master, on the same lake; rebuilds of this test use it."""
    home = tmp_path / "home"
    # Its Python workers write to the lake's store with the keys of their own home.
    keys = {name: getattr(road.config, name) for name in ("s3_access_key", "s3_secret_key")}
    home.mkdir()
    write_json(home / CREDENTIALS, keys)
    write_private(tmp_path / "spark.conf", _settings(road.config, MASTERS[seed % len(MASTERS)]))
    own = {**os.environ, "LAKEMINT_HOME": str(home), "LAKEMINT_SPARK_CONF": str(tmp_path / "spark.conf")}
    subprocess.run([LAKEMINT, "up", "spark"], env=own, cwd=CHECKOUT, check=True)
    monkeypatch.setenv("LAKEMINT_SPARK_REMOTE", json.loads((home / SETTINGS).read_text())["spark_remote"])
    monkeypatch.setenv("LAKEMINT_SPARK_TOKEN", json.loads((home / CREDENTIALS).read_text())["spark_token"])
    yield home
    subprocess.run([LAKEMINT, "down"], env=own, cwd=CHECKOUT, check=True)
    shutil.rmtree(spark_home() / "work", ignore_errors=True)


def _settings(config: Config, master: str) -> str:
    lines = {
        "spark.master": master,
        "spark.executor.memory": "1g",
        "spark.executor.extraClassPath": f"{CHECKOUT}/.lakemint/jars/*",
        "spark.executorEnv.PYTHONPATH": f"{CHECKOUT}/src",
        "spark.hadoop.fs.s3a.endpoint": config.s3_endpoint,
        "spark.hadoop.fs.s3a.access.key": config.s3_access_key,
        "spark.hadoop.fs.s3a.secret.key": config.s3_secret_key,
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def busy_executor(home: Path) -> psutil.Process:
    """An executor of that server that runs Python just now."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            if "CoarseGrainedExecutorBackend" not in " ".join(process.info["cmdline"] or []):
                continue
            server = process.parent()
            if server and server.environ().get("LAKEMINT_HOME") == str(home) and process.children():
                return process
        time.sleep(0.05)
    raise AssertionError("no executor was at work")


@pytest.mark.parametrize("dataset", ["reviews", "digits"])
def test_the_digest_is_the_same(road: "Road", spark_of_its_own: Path, seed: int, dataset: str) -> None:
    newest = version_card(dataset)
    version = str(newest["name"])
    job = subprocess.Popen(
        [LAKEMINT, "version", "rebuild", version], stdout=subprocess.PIPE, cwd=CHECKOUT, text=True
    )
    if MASTERS[seed % len(MASTERS)] == CLUSTER:
        executor = busy_executor(spark_of_its_own)
        executor.kill()
        executor.wait(10)
    said, _ = job.communicate(timeout=300)
    assert said == f"{version}: rebuilt bit for bit, {newest['digest']}\n"
