"""Receipts over real S3, and the command line that follows what was bad along the real road to the runs."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config
from tests.integration.fault_proxy import Fault, FaultProxy, times
from tests.integration.small_dataset import SmallDataset, take_road, tsv
from tests.integration.test_feed import environment
from tests.support import lakemint
from tests.unit.small_version import publish, row

ROWS = [row(index, "test" if index % 5 == 0 else "train", text="x" * 200) for index in range(400)]
TRAINING = """
import json, sys, lakemint
state = json.loads(sys.argv[1])
with lakemint.run("exp-7", model="models:/notes/1") as run:
    loader = lakemint.open("notes@1", split="train").loader(16, seed=3, run=run)
    if state:
        loader.load_state_dict(state)
    for number, batch in enumerate(loader, start=1):
        if number == 5 and not state:
            print(json.dumps(loader.state_dict()), flush=True)
            sys.stdin.read()
"""


@pytest.fixture
def reader(config: Config, tmp_path: Path) -> Config:
    """Settings of a training process; notes@1 is published."""
    publish(config, ROWS)
    return replace(config, cache=str(tmp_path / "cache"))


@pytest.fixture
def proxy(config: Config) -> Iterator[FaultProxy]:
    proxy = FaultProxy(config.s3_endpoint)
    yield proxy
    proxy.close()


def training(config: Config, folder: Path, state: dict[str, Any] | None = None) -> "subprocess.Popen[str]":
    """It hangs after five steps, unless it goes on from a state."""
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, json.dumps(state)],
        env=environment(config),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(*arguments: str) -> dict[str, Any]:
    """What a command says for programs."""
    done = lakemint(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def runs() -> list[dict[str, Any]]:
    """That read notes@1."""
    found: list[dict[str, Any]] = told("version", "consumers", "notes@1")["runs"]
    return found


def until(come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not come():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.1)


def test_a_run_killed_in_mid_epoch_is_known_by_where_it_was(reader: Config, tmp_path: Path) -> None:
    with training(reader, tmp_path) as first:
        assert first.stdout is not None
        state = json.loads(first.stdout.readline())
        # That it was written, and not only begun, before it is killed.
        until(lambda: [one["ranges"] for one in runs()] == [[[0, 80]]])
        first.send_signal(signal.SIGKILL)
    (run,) = runs()
    assert (run["run"], run["status"], run["ranges"], run["epochs"]) == ("exp-7", "running", [[0, 80]], 0.25)
    with training(reader, tmp_path, state) as second:
        assert second.wait(60) == 0
    (run,) = runs()
    assert (run["status"], run["ranges"], run["model"]) == ("complete", [[0, 320]], "models:/notes/1")
    assert len(run["attempts"]) == 2
    shown = lakemint("version", "consumers", "notes@1").stdout
    assert "train, 1.00 epochs" in shown
    eaten = told("blast-radius", "notes", "--sample", ROWS[1]["sample_id"])
    assert [(one["run"], one["rows"]) for one in eaten["runs"]] == [("exp-7", 1)]


def test_credentials_that_only_read_train_with_one_warning(
    reader: Config, proxy: FaultProxy, tmp_path: Path
) -> None:
    proxy.judge = times(10_000, "PUT", "/receipts/", Fault(deny=True))
    with training(proxy.through(reader), tmp_path, {}) as run:
        assert run.stdin is not None
        run.stdin.close()
        run.stdin = None
        _, said = run.communicate(timeout=120)
    assert run.returncode == 0
    assert said.count("training goes on") == 1
    assert "refuses these credentials (AccessDenied)" in said
    assert runs() == []


def test_from_a_raw_object_along_the_real_road_to_a_run(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEMINT_LABEL_STUDIO_URL", "")
    monkeypatch.setenv("LAKEMINT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "schemas"
    folder.mkdir()
    notes = SmallDataset(config, spark, folder, monkeypatch)
    sources = {name: {"format": "tsv", "columns": ["text", "kind"]} for name in ("mail", "chat")}
    strings: list[dict[str, Any]] = [{"name": name, "logicalType": "string"} for name in ("text", "kind")]
    notes.write(sources, strings, strings[:1], label={"known": "kind"})
    for source, name in (("mail", "a"), ("mail", "b"), ("chat", "c")):
        lines = [(f"{source} {name} {number}", "good" if number % 2 else "bad") for number in range(20)]
        notes.land(f"{source}/{name}.tsv", tsv(lines).encode())
    take_road()
    with training(replace(config, cache=str(tmp_path / "cache")), tmp_path, {}) as run:
        assert run.stdin is not None
        run.stdin.close()
        run.stdin = None
        assert run.wait(120) == 0
    train = _rows(told("version", "show", "notes@1"))
    for asked, rows in (
        (("--object", "mail/b.tsv"), 20),
        (("--source", "mail"), 40),
        (("--annotator", "source"), 60),
    ):
        found = told("blast-radius", "notes", *asked)
        (version,) = found["versions"]
        assert sum(split["rows"] for split in version["rows"].values()) == rows
        assert {name: split["of"] for name, split in version["rows"].items()} == train
        assert version["told_by"] in ("silver", "annotations", "rows")
        eaten = version["rows"]["train"]["rows"]
        assert [(one["run"], one["rows"], one["of"]) for one in found["runs"]] == [("exp-7", eaten, eaten)]


def _rows(card: dict[str, Any]) -> dict[str, int]:
    return {name: split["rows"] for name, split in card["splits"].items()}
