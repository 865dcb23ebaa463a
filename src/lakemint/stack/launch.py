"""Become a server, after ending what its killed predecessor left: forked workers outlive their parent.

Run by its path, not as a part of the package: it starts with every server and must be quick.

    python -I launch.py <home> <program> <scratch folder or ""> <command> [<argument> …]
"""

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "LAKEMINT_STACK_HOME"
"""Environment variable that every process of a stack carries: the stack's home."""
PROGRAM = "LAKEMINT_STACK_PROGRAM"
"""And which of its programs it belongs to."""


def alive(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those still running after at most that long. The dead whom nobody buries do not count."""
    deadline = time.monotonic() + seconds
    while True:
        processes = [process for process in processes if _runs(process)]
        if not processes or time.monotonic() > deadline:
            return processes
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_predecessors(home: str, program: str) -> None:
    """End all processes of that program but this one."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            marks = process.environ()
            if process.pid != os.getpid() and (marks.get(MARK), marks.get(PROGRAM)) == (home, program):
                process.kill()
                left.append(process)
    alive(left, seconds=10)


if __name__ == "__main__":
    end_predecessors(sys.argv[1], sys.argv[2])
    if sys.argv[3]:
        shutil.rmtree(sys.argv[3], ignore_errors=True)
        Path(sys.argv[3]).mkdir(mode=0o700, parents=True)
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606  the command is the stack's own
