"""The road as its user meets it, against the limits it is held to: start-up, memory, and the demo itself.

`small` uses this checkout and its stack (both demo datasets published); `full` clones it and begins with
empty caches, as on a new machine.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.measure import Measure, against_limit, against_peer
from lakemint.names import STAGES

CHECKOUT = Path(__file__).resolve().parents[2]
LAKEMINT = str(Path(sys.executable).with_name("lakemint"))
PARSE = CHECKOUT / "tests" / "integration" / "parse_dags.py"
"""Parses a DAG folder as Airflow does, and prints how long it took."""
IMPORT = """
import time
began = time.perf_counter()
import {modules}
print(time.perf_counter() - began)
"""


def seconds(*command: str, folder: Path = CHECKOUT, environment: dict[str, str] | None = None) -> float:
    """Run to the end; raises when it fails."""
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def last_line(*arguments: str | Path, python: str | Path = sys.executable) -> Any:
    """What a fresh interpreter prints last, read as JSON."""
    done = subprocess.run([python, *arguments], check=True, capture_output=True, cwd=CHECKOUT)
    return json.loads(done.stdout.splitlines()[-1])


def imports() -> list[Measure]:
    """A training program's import of the feed, against the limit and against what it would use instead."""
    theirs = [
        float(last_line("-c", IMPORT.format(modules="datasets"), python=peers.python("datasets")))
        for _ in range(5)
    ]
    ours = [
        float(last_line("-c", IMPORT.format(modules="lakemint.feed.version, lakemint.feed.loader")))
        for _ in range(5)
    ]
    pairs = [(1 / mine, 1 / other) for mine, other in zip(ours, theirs, strict=True)]
    return [
        against_limit("import of the feed", "s", ours, 0.5, want="at most"),
        against_peer("imports of the feed", "1/s", "datasets", pairs, at_least=1),
    ]


def parse_seconds() -> float:
    found = last_line(PARSE, CHECKOUT / "dags")
    if found["errors"] or len(found["dags"]) < len(STAGES):
        raise RuntimeError(f"the DAGs do not parse: {found['errors']}")
    return float(found["seconds"])


def idle_gibibytes() -> float:
    status = subprocess.run([LAKEMINT, "status", "--json"], check=True, capture_output=True, cwd=CHECKOUT)
    return float(sum(program["memory"] for program in json.loads(status.stdout)["programs"]) / 2**30)


def demo_in_a_fresh_clone() -> list[float]:
    """Seconds of `make demo` with nothing prepared, and of the second one."""
    folder = Path(tempfile.mkdtemp())
    try:
        subprocess.run(["git", "clone", "--quiet", CHECKOUT, folder / "clone"], check=True)
        caches = {"UV_CACHE_DIR": str(folder / "uv"), "PIP_CACHE_DIR": str(folder / "pip")}
        environment = {**os.environ, **caches}
        return [seconds("make", "demo", folder=folder / "clone", environment=environment) for _ in range(2)]
    finally:
        subprocess.run(["make", "clean"], check=False, cwd=folder / "clone")
        shutil.rmtree(folder, ignore_errors=True)


def measure(size: str) -> list[Measure]:
    measures = [
        *imports(),
        against_limit(
            "parsing the DAG folder",
            "s",
            [parse_seconds() for _ in range(3)],
            1,
            want="at most",
        ),
    ]
    if size == "full":
        first, second = demo_in_a_fresh_clone()
        return [
            *measures,
            against_limit("make demo, fresh clone, empty caches", "s", [first], 480, want="at most"),
            against_limit("make demo again", "s", [second], 90, want="at most"),
        ]
    seconds(LAKEMINT, "up")
    seconds(LAKEMINT, "down")
    up = against_limit("lakemint up, warm", "s", [seconds(LAKEMINT, "up")], 60, want="at most")
    time.sleep(30)
    idle = against_limit("the stack idle", "GiB", [idle_gibibytes()], 4, want="at most")
    again = [seconds(LAKEMINT, "demo") for _ in range(2)][1:]
    return [*measures, up, idle, against_limit("lakemint demo again", "s", again, 90, want="at most")]
