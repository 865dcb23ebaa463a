"""kill -9 of any one server is healed in 30 s, with no other touched; a road that walks meanwhile arrives."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from lakemint.stack.processes import find_processes
from tests.e2e.conftest import Road
from tests.support import lakemint

HEALED_WITHIN = 30.0


def programs() -> dict[str, dict[str, object]]:
    shown = json.loads(lakemint("status", "--json").stdout)
    return {str(program["program"]): program for program in shown["programs"]}


def kill(program: str) -> int:
    """SIGKILL the program's main process; its pid."""
    pid = int(str(programs()[program]["pid"]))
    os.kill(pid, signal.SIGKILL)
    return pid


def heal(program: str) -> float:
    """Kill it, and wait until it serves again; how many seconds that took."""
    others = {name: one["pid"] for name, one in programs().items() if name != program}
    took = wait_until_healed(program, kill(program))
    assert {name: one["pid"] for name, one in programs().items() if name != program} == others
    return took


def orphans(home: Path) -> list[psutil.Process]:
    """Processes of the stack that nobody looks after."""
    return [
        process
        for process in find_processes(home)
        if process.ppid() == 1 and "supervisord" not in str(process.cmdline())
    ]


def wait_until_healed(program: str, dead: int) -> float:
    began = time.monotonic()
    while time.monotonic() - began < HEALED_WITHIN:
        now = programs()[program]
        if now["state"] == "up" and now["pid"] != dead:
            return time.monotonic() - began
        time.sleep(0.5)
    pytest.fail(f"{program} was not healed in {HEALED_WITHIN:.0f} s: {programs()[program]}")


class Walker(threading.Thread):
    """Walks the road of `digits` again and again until told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.walks: list[subprocess.CompletedProcess[str]] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            self.walks.append(lakemint("run", "digits"))


def test_each_server_heals_and_no_road_fails(road: Road) -> None:
    walker = Walker()
    walker.start()
    try:
        took = {name: heal(name) for name in programs() if name != "supervisor"}
    finally:
        walker.stopping.set()
        walker.join()
    print("healed in seconds:", {name: round(seconds, 1) for name, seconds in took.items()})
    assert walker.walks
    for walk in walker.walks:
        assert walk.returncode == 0, walk.stdout + walk.stderr
        assert "nothing new: digits@1" in walk.stdout
    assert road.config.home
    _, left = psutil.wait_procs(orphans(road.config.home), HEALED_WITHIN)
    assert left == []
