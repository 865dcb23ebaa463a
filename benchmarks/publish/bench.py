"""Publishing beside dvc, deltalake, MDSWriter and litdata: the same rows, in turn, each in an environment of
its own.

A round is one run of each contestant: all rows, then a change of 1% of them all over, then of 1% in one
stretch, and with it the limits of this machine. Nobody's start is counted: neither that of Python nor that of
the stack's Spark, which a small publish has warmed. Gold's own commit of a change is assembly and not counted
for us, as the making of the changed Parquet files is not for the others.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

from benchmarks import peers
from benchmarks.measure import Measure
from benchmarks.publish.contest import CHECKOUT, Contestant, Step
from benchmarks.publish.limits import limits
from benchmarks.publish.report import Round, report
from benchmarks.publish.rows import Rows
from lakemint.stack.processes import find_processes

ROUNDS = 3
ROWS = {"small": 200_000, "full": 2_000_000}
HOME = CHECKOUT / ".lakemint" / "bench"
"""Of a stack that has nothing but Spark."""
PEERS = (
    ("dvc", "dvc", ""),
    ("deltalake", "deltalake", "merge"),
    ("deltalake", "deltalake", "overwrite"),
    ("mds", "streaming", ""),
    ("litdata", "litdata", ""),
)
"""Script, environment, and how it publishes a change where there are several ways."""


def measure(size: str) -> list[Measure]:
    with _folder() as top, _spark():
        rows, tenth = Rows(top / "rows", ROWS[size]), Rows(top / "tenth", ROWS[size] // 10)
        us, others = _lakemint(), [_peer(*peer) for peer in PEERS]
        for one in (tenth, rows):
            one.write()
            us.step("prepare", one.folder, top)
        with _emptied(top / "warm") as folder:
            _steps(us, ("first", "spread"), tenth, folder)
        rounds = [_round(top, rows, tenth, us, others) for _ in range(ROUNDS)]
    return report(rounds, rows)


def _round(top: Path, rows: Rows, tenth: Rows, us: Contestant, others: list[Contestant]) -> Round:
    with _emptied(top / "ours") as folder:
        small = _steps(us, ("first", "spread"), tenth, folder)
    with _emptied(top / "ours") as folder:
        ours = _steps(us, ("first", "spread", "diff", "block", "few"), rows, folder)
        found = limits(folder / "remote", top / "limit")
    theirs = {}
    for other in others:
        with _emptied(top / "theirs") as folder:
            theirs[other.name] = _steps(other, ("first", "spread", "block"), rows, folder)
    return Round(ours, small, theirs, found)


def _steps(one: Contestant, steps: tuple[str, ...], rows: Rows, folder: Path) -> dict[str, Step]:
    return {step: one.step(step, rows.folder, folder) for step in steps}


def _peer(script: str, environment: str, how: str) -> Contestant:
    # -E: no PYTHONPATH of ours leads out of its environment.
    path = Path(__file__).with_name(f"with_{script}.py")
    command = (str(peers.python(environment)), "-E", str(path))
    return Contestant(f"{script} {how}".strip(), command, how)


def _lakemint() -> Contestant:
    command = (sys.executable, "-m", "benchmarks.publish.with_lakemint")
    return Contestant("lakemint", command, servers=_servers)


@cache
def _servers() -> tuple[psutil.Process, ...]:
    """The stack's supervisor, which all its servers descend from."""
    found = {process.pid: process for process in find_processes(HOME)}
    return tuple(process for process in found.values() if process.ppid() not in found)


@contextmanager
def _spark() -> Iterator[None]:
    """The stack's Spark server, running on a home of its own."""
    os.environ["LAKEMINT_HOME"] = str(HOME)
    lakemint = (sys.executable, "-c", "from lakemint.cli import main; main()")
    subprocess.run([*lakemint, "up", "--new-ports", "spark"], check=True, cwd=CHECKOUT)
    try:
        yield
    finally:
        subprocess.run([*lakemint, "down"], check=True, cwd=CHECKOUT)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder on the disk that the checkout is on: others may be memory."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME) as name:
        yield Path(name)


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
