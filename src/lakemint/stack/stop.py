"""Stop the stack: writers first, the store last, and nothing left behind."""

import time
from pathlib import Path

import psutil

from lakemint.stack.launch import alive
from lakemint.stack.lock import locked
from lakemint.stack.processes import end_processes, find_processes
from lakemint.stack.report import Report
from lakemint.stack.settings import read_stack
from lakemint.stack.supervisor import Supervisor

_LAST = "s3"
_PATIENCE = 30


def down(home: Path, *, report: Report | None = None) -> None:
    """Stop everything; data stay. Nothing to stop is fine. Raises StackError."""
    report = report or Report()
    stack = read_stack(home.resolve())
    if not stack.run.is_dir():
        return
    with locked(stack, "down"):
        stack = read_stack(stack.home)  # an `up` may have settled it since
        supervisor = Supervisor(stack)
        report.begin("servers")
        if supervisor.running():
            _stop_all(supervisor)
        left = end_processes(find_processes(stack.home))
        report.end("servers", f"stopped, {left} of them by force" if left else "stopped")


def _stop_all(supervisor: Supervisor) -> None:
    stopped = ("STOPPED", "EXITED", "FATAL")
    for name, state in supervisor.states().items():
        if name != _LAST and state.state not in stopped:
            supervisor.stop_program(name)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if all(state.state in stopped or name == _LAST for name, state in supervisor.states().items()):
            break
        time.sleep(0.1)
    process = psutil.Process(supervisor.pid())
    supervisor.shutdown()
    alive([process], _PATIENCE)
