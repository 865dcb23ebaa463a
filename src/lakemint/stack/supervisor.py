"""The supervisor: `supervisord` keeps the servers alive; we write its file and talk to it over loopback."""

import http.client
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lakemint.config import outer_environment
from lakemint.errors import StackError
from lakemint.files import write_private
from lakemint.stack import launch
from lakemint.stack.launch import MARK, PROGRAM
from lakemint.stack.layout import Stack
from lakemint.stack.program import Program


@dataclass(frozen=True)
class State:
    """A program as the supervisor sees it."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL, …"""
    pid: int
    since: int
    """Seconds since the epoch when it last started."""
    description: str


class Supervisor:
    """The supervisor of one stack, running or not."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._file = stack.run / "supervisord.conf"

    def running(self) -> bool:
        """Whether it answers, to our password."""
        if "supervisor" not in self._stack.ports or "supervisor_password" not in self._stack.secrets:
            return False
        try:
            return bool(self._call("getIdentification") == _identifier(self._stack))
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def start(self, programs: Iterable[Program]) -> None:
        """Start the supervisor, and no program yet. Raises StackError."""
        write_private(self._file, _configuration(self._stack, programs))
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._file)],
            env={**outer_environment(), MARK: str(self._stack.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode:
            raise StackError(
                f"the supervisor did not start: {(started.stderr or started.stdout).strip()[-500:]}"
            )
        deadline = time.monotonic() + 20
        while not self.running():
            if time.monotonic() > deadline:
                raise StackError(f"the supervisor does not answer; see {self._stack.log('supervisord')}")
            time.sleep(0.05)

    def apply(self, programs: Iterable[Program]) -> None:
        """Take over new and changed programs while running; a changed one is stopped."""
        write_private(self._file, _configuration(self._stack, programs))
        added, changed, removed = self._call("reloadConfig")[0]
        for name in [*changed, *removed]:
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            self._call("addProcessGroup", name)

    def states(self) -> dict[str, State]:
        return {
            info["name"]: State(
                info["name"],
                info["statename"],
                info["pid"],
                info["start"],
                info["spawnerr"] or info["description"],
            )
            for info in self._call("getAllProcessInfo")
        }

    def start_program(self, name: str) -> None:
        """Start it if it is not running; returns at once."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"{name} did not start: {fault.faultString}") from fault

    def stop_program(self, name: str) -> None:
        """Ask it to end; returns at once."""
        try:
            self._call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise StackError(f"{name} did not stop: {fault.faultString}") from fault

    def pid(self) -> int:
        return int(self._call("getPID"))

    def shutdown(self) -> None:
        """Ask it to stop everything and end; returns at once."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> Any:
        password = self._stack.secrets["supervisor_password"]
        address = f"http://lakemint:{password}@127.0.0.1:{self._stack.ports['supervisor']}/RPC2"
        with xmlrpc.client.ServerProxy(address, transport=_Impatient()) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


class _Impatient(xmlrpc.client.Transport):
    """Gives up after 30 s instead of never."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = 30
        return connection


def _identifier(stack: Stack) -> str:
    return f"lakemint {stack.home}"


def _configuration(stack: Stack, programs: Iterable[Program]) -> str:
    head = f"""\
[supervisord]
identifier={_identifier(stack)}
directory={stack.home}
pidfile={stack.run}/supervisord.pid
logfile={stack.log("supervisord")}
logfile_maxbytes=5MB
logfile_backups=1
umask=077
nocleanup=true

[inet_http_server]
port=127.0.0.1:{stack.ports["supervisor"]}
username=lakemint
password={stack.secrets["supervisor_password"]}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_section(stack, program) for program in programs)


def _section(stack: Stack, program: Program) -> str:
    # SPT_NOENV: a process that renames itself must not overwrite the environment that we know it by.
    marks = {MARK: str(stack.home), PROGRAM: program.name, "SPT_NOENV": "1"}
    environment = {**program.environment, **marks, "PYTHONUNBUFFERED": "1"}
    scratch = str(program.scratch or "")
    launcher = (sys.executable, "-I", launch.__file__, str(stack.home), program.name, scratch)
    pairs = ",".join(f'{name}="{_quotable(value)}"' for name, value in environment.items())
    return f"""
[program:{program.name}]
command={shlex.join((*launcher, *program.command))}
directory={program.directory}
environment={pairs}
autostart=false
autorestart=true
startsecs=3
startretries=100
stopwaitsecs={program.stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={stack.log(program.name)}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def _quotable(value: str) -> str:
    if broken := set(value) & set("\"'\n;#"):
        raise StackError(f"a server's setting cannot have {' '.join(sorted(broken))} in it: {value[:40]!r}…")
    return value.replace("%", "%%")  # it expands %(names)s
