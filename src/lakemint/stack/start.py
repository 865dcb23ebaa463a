"""Start the stack: everything at once, each server waited for until it really serves."""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lakemint.errors import LakemintError, StackError
from lakemint.stack.layout import Stack
from lakemint.stack.lock import locked
from lakemint.stack.logs import telling
from lakemint.stack.ports import NOBODY, holder, is_free
from lakemint.stack.processes import end_processes, find_processes
from lakemint.stack.program import NotReady, Program, Server
from lakemint.stack.report import Report
from lakemint.stack.servers import SERVERS, choose
from lakemint.stack.settings import read_stack, settle
from lakemint.stack.supervisor import State, Supervisor

PATIENCE = 300
"""Seconds that a server may take to serve: much more than it needs, for busy machines."""
_DYING = 10.0
"""Seconds in which a killed server lets go of its port."""

_FALLS = 3
"""A program that starts this often without serving will not serve."""


def up(
    home: Path,
    checkout: Path | None = None,
    servers: Sequence[str] | None = None,
    *,
    new_ports: bool = False,
    report: Report | None = None,
) -> Stack:
    """Start what is not running and wait until all of it serves; what runs is left alone.

    `servers`: only these of s3, spark, airflow, label-studio. `new_ports`: choose another port for each that
    someone else has taken, instead of failing. Raises StackError.
    """
    os.umask(0o077)  # what is made here and by the servers holds keys and people's data
    report = report or Report()
    chosen = choose(servers)
    stack = read_stack(home.resolve(), checkout)
    stack.make_folders()
    with locked(stack, "up"):
        stack = read_stack(stack.home, checkout)  # another `up` may have settled it since
        if Supervisor(stack).running():
            stack = settle(stack)
            active = _join(stack, chosen)
        else:
            stack, active = _found(stack, chosen, new_ports, report), chosen
        _start_all(stack, active, report)
    return stack


def _found(stack: Stack, servers: Sequence[Server], new_ports: bool, report: Report) -> Stack:
    """Start a supervisor, with ports of its own and nobody of a dead one's around."""
    if orphans := find_processes(stack.home):
        report.begin("left over")
        report.end("left over", f"ended {end_processes(orphans)} processes without a supervisor")
    stack = settle(stack)
    if new_ports:
        stack = settle(stack, frozenset(name for name, port in stack.ports.items() if not is_free(port)))
    _demand_port(stack, "the supervisor", "supervisor")
    _demand_ports(stack, servers)
    Supervisor(stack).start(_programs(stack, servers))
    return stack


def _join(stack: Stack, chosen: Sequence[Server]) -> list[Server]:
    """Give a running supervisor the chosen servers too; returns all that it then has."""
    supervisor = Supervisor(stack)
    known = supervisor.states()
    _demand_ports(stack, [server for server in chosen if not known.keys() & set(server.parts)])
    active = [server for server in SERVERS if server in chosen or known.keys() & set(server.parts)]
    supervisor.apply(_programs(stack, active))
    return active


def _programs(stack: Stack, servers: Sequence[Server]) -> list[Program]:
    return [program for server in servers for program in server.programs(stack)]


def _demand_ports(stack: Stack, servers: Sequence[Server]) -> None:
    for server in servers:
        for name in server.ports:
            _demand_port(stack, server.title, name)


def _demand_port(stack: Stack, title: str, name: str) -> None:
    port, deadline = stack.ports[name], time.monotonic() + _DYING
    while not is_free(port):
        if holder(port) == NOBODY and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise StackError(
            f"port {port} of {title} is taken by {holder(port)}: stop that, or run `lakemint up --new-ports`"
        )


def _start_all(stack: Stack, servers: Sequence[Server], report: Report) -> None:
    stop = threading.Event()
    pool = ThreadPoolExecutor(len(servers) or 1)
    try:
        jobs = [pool.submit(_start, stack, server, report, stop) for server in servers]
        failures = [error for job in jobs if (error := job.exception())]
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
    for error in failures:
        if not isinstance(error, LakemintError):
            raise error
    if failures:
        raise StackError("\n".join(str(error) for error in failures))


def _start(stack: Stack, server: Server, report: Report, stop: threading.Event) -> None:
    """Prepare one server, start its programs, wait until it serves."""
    report.begin(server.title)
    server.prepare(stack, report)
    supervisor = Supervisor(stack)
    for name in server.parts:
        supervisor.start_program(name)
    try:
        _await(stack, server, report, stop)
    except StackError:
        for name in server.parts:
            supervisor.stop_program(name)
        raise


def _await(stack: Stack, server: Server, report: Report, stop: threading.Event) -> None:
    supervisor = Supervisor(stack)
    starts: set[tuple[str, int]] = set()
    deadline = time.monotonic() + PATIENCE
    while not stop.is_set():
        states = supervisor.states()
        with suppress(NotReady):  # the look that follows says why
            server.complete(stack)
        reason = why_not_serving(stack, server, states)
        if reason is None:
            report.end(server.title, server.address(stack))
            return
        starts |= {(name, states[name].since) for name in server.parts if states[name].since}
        counts = Counter(name for name, _ in starts)
        fallen = next((name for name, count in counts.items() if count >= _FALLS), None)
        if fallen or time.monotonic() > deadline:
            raise _failure(stack, server, fallen or server.parts[0], reason)
        report.note(server.title, reason)
        stop.wait(0.3)


def why_not_serving(stack: Stack, server: Server, states: dict[str, State]) -> str | None:
    """Why the server does not serve; None when it does."""
    parts = [states.get(name) for name in server.parts]
    for name, state in zip(server.parts, parts, strict=True):
        if state is None or state.state not in ("RUNNING", "STARTING"):
            return f"{name}: {state.description or state.state}" if state else "not started"
    try:
        server.check(stack, since=max(state.since for state in parts if state))
    except NotReady as reason:
        return str(reason)
    return None


def _failure(stack: Stack, server: Server, program: str, reason: str) -> StackError:
    log = stack.log(program)
    last = "\n".join(f"  | {line}" for line in telling(log))
    return StackError(f"{server.title} does not start: {reason}\n{last}\nits log: {log}")
