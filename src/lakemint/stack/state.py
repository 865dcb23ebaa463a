"""How the stack is."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lakemint.stack.processes import find_processes, memory
from lakemint.stack.servers import SERVERS
from lakemint.stack.settings import read_stack
from lakemint.stack.start import why_not_serving
from lakemint.stack.supervisor import State, Supervisor


@dataclass(frozen=True)
class ProgramStatus:
    """One process of the stack."""

    server: str
    program: str
    state: str
    """`up` when its server serves, else `failing`, `starting` or `down`."""
    detail: str
    """Why it is not up."""
    pid: int
    seconds: int
    """How long it has been running."""
    address: str
    memory: int
    """Resident bytes, with its children."""


@dataclass(frozen=True)
class StackStatus:
    """All of it."""

    home: str
    supervised: bool
    programs: tuple[ProgramStatus, ...]
    orphans: tuple[int, ...]
    """Processes whose supervisor is dead."""

    @property
    def memory(self) -> int:
        """Resident bytes of everything."""
        return sum(program.memory for program in self.programs)

    @property
    def up(self) -> bool:
        """Whether everything that was started serves."""
        return self.supervised and all(program.state == "up" for program in self.programs)


def status(home: Path) -> StackStatus:
    """Ask the supervisor and every server. Raises StackError when there is no stack."""
    stack = read_stack(home.resolve())
    supervisor = Supervisor(stack)
    if not supervisor.running():
        orphans = tuple(process.pid for process in find_processes(stack.home))
        return StackStatus(str(stack.home), False, (), orphans)
    states = supervisor.states()
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        reasons = list(pool.map(lambda server: why_not_serving(stack, server, states), SERVERS))
    programs = [
        _program(server.name, states[name], reason, server.address(stack))
        for server, reason in zip(SERVERS, reasons, strict=True)
        for name in server.parts
        if name in states
    ]
    own = supervisor.pid()
    alone = memory(own) - sum(memory(p.pid) for p in programs if p.pid)
    mine = ProgramStatus("supervisor", "supervisor", "up", "", own, 0, "", max(alone, 0))
    return StackStatus(str(stack.home), True, (*programs, mine), ())


def _program(server: str, state: State, reason: str | None, address: str) -> ProgramStatus:
    running = state.state in ("RUNNING", "STARTING")
    seconds = int(time.time() - state.since) if running else 0
    if not running:
        word = "down" if state.state == "STOPPED" else "failing"
    else:
        word = "up" if reason is None else "starting" if seconds < 60 else "failing"
    detail = "" if word == "up" else state.description if not running else reason or ""
    return ProgramStatus(
        server, state.name, word, detail, state.pid, seconds, address, memory(state.pid) if running else 0
    )
