"""Publishing, step by step, by each contestant in a process of its own: seconds, new bytes, peak of memory.

A contestant's script is called as `<script> <step> <rows> <folder> [how]`, makes ready whatever is not part
of publishing, publishes the rows of that state into `<folder>/remote`, and prints last, as JSON, the
`seconds` that this took, Python's start and imports not counted.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Step:
    """What one step came to."""

    seconds: float
    new_bytes: int
    """Of files that were not there before, or other ones."""
    peak: int
    """Most bytes of memory that all its processes held at once; pages they share are counted once."""
    peak_beside: int
    """The same without Java machines."""
    told: dict[str, Any]
    """All that the script printed."""


@dataclass(frozen=True)
class Contestant:
    """Someone who publishes; `servers` finds processes beside its own that work for it."""

    name: str
    command: tuple[str, ...]
    how: str = ""
    servers: Callable[[], Iterable[psutil.Process]] = tuple

    def step(self, step: str, rows: Path, folder: Path) -> Step:
        """Run one step; raises when it fails."""
        before = files(folder / "remote")
        os.sync()  # nobody waits for what another one wrote
        arguments = [step, str(rows), str(folder), *([self.how] if self.how else [])]
        command, pipe = [*self.command, *arguments], subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, cwd=CHECKOUT, text=True)
        with Peak(lambda: _family([psutil.Process(process.pid), *self.servers()])) as peak:
            said, complaints = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{self.name}: {step} ended with {process.returncode}: {complaints[-2000:]}")
        told = json.loads(said.splitlines()[-1])
        after = files(folder / "remote")
        new = sum(state[0] for path, state in after.items() if before.get(path) != state)
        return Step(told["seconds"], new, peak.bytes, peak.beside, told)


class Peak:
    """Looks at the memory of processes again and again, in a thread, while it is entered."""

    def __init__(self, processes: Callable[[], Sequence[psutil.Process]]) -> None:
        self.bytes = self.beside = 0
        self._processes, self._done = processes, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        took = 0.0
        while not self._done.wait(20 * took):  # looking costs the contestants little
            began = time.perf_counter()
            try:
                processes = self._processes()
            except psutil.Error:
                continue
            held = {process.pid: _held(process) for process in processes}
            self.bytes = max(self.bytes, sum(held.values()))
            beside = sum(held[process.pid] for process in processes if not _is_java(process))
            self.beside = max(self.beside, beside)
            took = time.perf_counter() - began


def files(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Path → size, inode and time of writing: two that are equal are the same file, unchanged."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            state = path.stat()
            found[str(path)] = (state.st_size, state.st_ino, state.st_mtime_ns)
    return found


def _family(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [one for top in processes for one in (top, *top.children(recursive=True))]


def _is_java(process: psutil.Process) -> bool:
    try:
        return process.name() == "java"
    except psutil.Error:
        return False


def _held(process: psutil.Process) -> int:
    """Its share of resident memory, where the system tells; else all of it."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        lines = rollup.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        pass
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
