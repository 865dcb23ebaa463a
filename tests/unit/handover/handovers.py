"""Trainings for tests: programs of a line or two, run by this Python."""

import sys
import time
from typing import Any

from lakemint.config import Config
from lakemint.handover.begin import follow, hand_over, launcher_of
from lakemint.handover.launch import Job
from lakemint.handover.record import Handover
from lakemint.handover.training import Training
from lakemint.names import Reference
from lakemint.store import StoreAddress

READ = """
import lakemint
handed = lakemint.handed_over()
with handed.run() as run:
    for batch in handed.open()["train"].loader(4, seed=7, run=run):
        print(len(batch["label"]), "examples", flush=True)
"""
SLEEP = "import time; print('at work', flush=True); time.sleep(120)"


def training(code: str = READ, **changed: Any) -> Training:
    given = {"run": "exp-7", "program": (sys.executable, "-c", code), "launcher": "process"}
    return Training(**{**given, **changed})


def handover(*, version: int = 1, attempt: int = 1, place: str = "", **changed: Any) -> Handover:
    """A record of none that lies anywhere."""
    lake = StoreAddress("s3://lake", "https://s3.example:9000", "eu-1", "path")
    return Handover(
        training(**changed), attempt, f"notes@{version}", Reference("notes", version), "ab" * 32, lake, place
    )


def ended(config: Config, handed: Handover) -> Job:
    """How its job ends."""
    *_, job = follow(config, handed, timeout=60)
    assert job.is_over, job
    return job


def at_work(config: Config, code: str = SLEEP, **changed: Any) -> Handover:
    """Handed over, and its program said something."""
    handed = hand_over(config, "notes@1", training(code, **changed))
    deadline = time.monotonic() + 30
    while not (job := launcher_of(config, handed).look(handed)) or not job.words:
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    assert job.state == "running"
    return handed
