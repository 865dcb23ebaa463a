"""The processes of a stack, found by the mark in their environment: also those whose supervisor is dead."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from lakemint.stack.launch import MARK, alive


def find_processes(home: Path) -> list[psutil.Process]:
    """All processes of the stack in `home`, their descendants included; never this one or those above it."""
    found = {process.pid: process for process in marked(MARK, str(home))}
    for process in [*found.values()]:
        found |= {child.pid: child for child in _descendants(process)}
    for spared in (os.getpid(), *(parent.pid for parent in psutil.Process().parents())):
        found.pop(spared, None)
    return alive(list(found.values()), seconds=0)


def marked(variable: str, value: str) -> list[psutil.Process]:
    """The processes in whose environment the variable has that value."""
    return [process for process in psutil.process_iter() if _variable(process, variable) == value]


def end_processes(processes: Iterable[psutil.Process], patience: float = 10) -> int:
    """Ask them to end, and after `patience` seconds make them; returns how many there were."""
    asked = list(processes)
    for process in asked:
        with suppress(psutil.Error):
            process.terminate()
    left = alive(asked, patience)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    alive(left, seconds=5)
    return len(asked)


def memory(pid: int) -> int:
    """Resident bytes of a process and its descendants. Pages they share are counted once for each."""
    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_resident(process) for process in family)


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.Error, OSError):
        return None


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
