"""Start the stack: everything at once, each server waited for until it really serves."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakemint.errors import LakemintError, StackError
from lakemint.stack.layout import Stack
from lakemint.stack.lock import locked
from lakemint.stack.logs import tail
from lakemint.stack.ports import holder, is_free
from lakemint.stack.processes import end_processes, find_processes
from lakemint.stack.program import NotReady, Server
from lakemint.stack.report import Report
from lakemint.stack.servers import SERVERS, choose
from lakemint.stack.settings import read_stack, settle
from lakemint.stack.supervisor import State, Supervisor

PATIENCE = 300
"""Seconds that a server may take to serve: much more than it needs, for busy machines."""
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
    report = report or Report()
    chosen = choose(servers)
    stack = read_stack(home.resolve(), checkout)
    stack.make_folders()
    with locked(stack, "up"):
        supervisor = Supervisor(stack)
        if supervisor.running():
            states = supervisor.states()
            stack = settle(stack)
            active = [s for s in SERVERS if s in chosen or any(p.name in states for p in s.programs(stack))]
            _demand_ports(stack, [s for s in active if not any(p.name in states for p in s.programs(stack))])
            supervisor.apply([program for server in active for program in server.programs(stack)])
        else:
            active = chosen
            _end_orphans(stack, report)
            stack = settle(stack)
            if new_ports:
                stack = settle(
                    stack, frozenset(name for name, port in stack.ports.items() if not is_free(port))
                )
            _demand_ports(stack, active)
            supervisor = Supervisor(stack)
            supervisor.start([program for server in active for program in server.programs(stack)])
        _start_all(stack, supervisor, active, report)
    return stack


def _end_orphans(stack: Stack, report: Report) -> None:
    """Processes whose supervisor was killed would hold the ports and the databases."""
    if orphans := find_processes(stack.home):
        report.begin("left over")
        report.end("left over", f"ended {end_processes(orphans)} processes without a supervisor")


def _demand_ports(stack: Stack, servers: Sequence[Server]) -> None:
    for server in servers:
        for name in server.ports:
            if not is_free(port := stack.ports[name]):
                raise StackError(
                    f"port {port} of {server.title} is taken by {holder(port)}: stop that, "
                    "or run `lakemint up --new-ports`"
                )


def _start_all(stack: Stack, supervisor: Supervisor, servers: Sequence[Server], report: Report) -> None:
    stop = threading.Event()
    pool = ThreadPoolExecutor(len(servers) or 1)
    try:
        jobs = [pool.submit(_start, stack, supervisor, server, report, stop) for server in servers]
        failures = [error for job in jobs if (error := job.exception())]
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
    for error in failures:
        if not isinstance(error, LakemintError):
            raise error
    if failures:
        raise StackError("\n".join(str(error) for error in failures))


def _start(
    stack: Stack, supervisor: Supervisor, server: Server, report: Report, stop: threading.Event
) -> None:
    """Prepare one server, start its programs, wait until it serves."""
    report.begin(server.title)
    server.prepare(stack, report)
    names = [program.name for program in server.programs(stack)]
    for name in names:
        supervisor.start_program(name)
    deadline = time.monotonic() + PATIENCE
    starts: dict[str, set[int]] = {name: set() for name in names}
    while not stop.is_set():
        states = supervisor.states()
        for name in names:
            starts[name].add(states[name].since)
        reason = ill(stack, server, states)
        if reason is None:
            return report.end(server.title, server.address(stack))
        fallen = next((name for name in names if len(starts[name] - {0}) >= _FALLS), None)
        if fallen or time.monotonic() > deadline:
            for name in names:
                supervisor.stop_program(name)
            raise _failure(stack, server, fallen or names[0], reason)
        report.note(server.title, reason)
        stop.wait(0.3)


def ill(stack: Stack, server: Server, states: dict[str, State]) -> str | None:
    """Why the server does not serve; None when it does."""
    programs = [states.get(program.name) for program in server.programs(stack)]
    down = [state for state in programs if state is None or state.state not in ("RUNNING", "STARTING")]
    if down:
        return down[0].description if down[0] else "not started"
    try:
        server.check(stack, since=max(state.since for state in programs if state))
    except NotReady as reason:
        return str(reason)
    return None


def _failure(stack: Stack, server: Server, program: str, reason: str) -> StackError:
    log = stack.log(program)
    last = "\n".join(f"  | {line}" for line in tail(log, 12))
    return StackError(f"{server.title} does not start: {reason}\n{last}\nits log: {log}")
