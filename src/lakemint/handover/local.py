"""Trainings on this machine: detached processes, each with a folder that says how it is.

`<folder>/<job>/` has mode 0700. `lock` is held while the job is watched, see `lakemint.handover.watch`;
`began` is there once it was, `stopped` once somebody stopped it, `exit` has its exit status, `log` what it
said. Its processes are known by their environment, which has their hand-over: also those that nobody watches.
"""

import fcntl
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lakemint.config import HANDOVER, training_environment
from lakemint.errors import TrainingError
from lakemint.handover.launch import TAIL, Job, check_options, tail
from lakemint.handover.record import Handover
from lakemint.stack.processes import end_processes, marked

GRACE: Final = 20.0
"""Seconds a stopped training has to end by itself: torchrun waits for its ranks, and they may write."""
_ROUNDS: Final = 10
"""How often those are ended that others began while they were asked to end."""
START: Final = 10.0
"""Seconds between a job's start and its being watched, at most."""


@dataclass(frozen=True)
class LocalLauncher:
    """Starts the command of a hand-over as a process of this machine."""

    folder: Path
    """Of all jobs."""
    command: Callable[[Handover], list[str]]

    @property
    def place(self) -> str:
        """This machine."""
        return platform.node()

    def submit(self, handover: Handover) -> None:
        """See `Launcher`. Killed before the watcher has the lock, nothing was started."""
        check_options(handover, known=())
        command, folder = self.command(handover), self._folder(handover)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder) as lock:
            if not _began(folder) and lock is not None:
                self._start(handover, command, lock)

    def look(self, handover: Handover) -> Job | None:
        """See `Launcher`."""
        folder = self._folder(handover)
        if not _began(folder):
            return None
        # The lock first: who gave it back has written its exit status before.
        is_watched, status = _is_locked(folder), _status(folder)
        words, log = _tail(folder / "log"), str(folder / "log")
        if status == 0:
            return Job("succeeded", words, log)
        if status is None and (is_watched or marked(HANDOVER, handover.data().decode())):
            return Job("running", words, log)
        return Job("failed", f"{words}\n{_reason(folder, status)}".lstrip("\n"), log)

    def stop(self, handover: Handover) -> None:
        """See `Launcher`. Asked to end, and made to after `GRACE` seconds."""
        folder = self._folder(handover)
        if _began(folder) and _status(folder) is None:
            (folder / "stopped").touch()
            end(handover.data().decode())

    def render(self, handover: Handover) -> str:
        """The command line."""
        check_options(handover, known=())
        return (
            f"{HANDOVER}={shlex.quote(handover.data().decode())} \\\n  {shlex.join(self.command(handover))}\n"
        )

    def _folder(self, handover: Handover) -> Path:
        return self.folder / handover.job

    def _start(self, handover: Handover, command: list[str], lock: int) -> None:
        folder = self._folder(handover)
        with (folder / "log").open("ab") as log:
            # The lock goes over to the watcher: at no moment is the job nobody's.
            subprocess.Popen(
                [sys.executable, "-m", "lakemint.handover.watch", str(folder), *command],
                env=training_environment(handover.data().decode()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                start_new_session=True,
            )
        deadline = time.monotonic() + START
        while not _began(folder):
            if time.monotonic() > deadline:
                raise TrainingError(f"{handover.job} did not start: see {folder / 'log'}")
            time.sleep(0.02)


def end(mark: str, spared: int | None = None) -> None:
    """End all processes of a hand-over but one: ask them, and after `GRACE` seconds make them."""
    deadline = time.monotonic() + GRACE
    for _ in range(_ROUNDS):
        found = [process for process in marked(HANDOVER, mark) if process.pid != spared]
        if not found:
            return
        end_processes(found, max(0, deadline - time.monotonic()))


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """The lock's descriptor; None once another has begun the job."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock if _take(folder, lock) else None
    finally:
        os.close(lock)


def _take(folder: Path, lock: int) -> bool:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if _began(folder):
                return False
            time.sleep(0.02)  # who looks has it for a moment, who starts it a little longer
    raise TrainingError(f"{folder}: somebody has its lock and does not begin: see its log")


def _is_locked(folder: Path) -> bool:
    with (folder / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _began(folder: Path) -> bool:
    return (folder / "began").exists()


def _status(folder: Path) -> int | None:
    """The exit status, negative for the signal that ended it; None while there is none."""
    try:
        return int((folder / "exit").read_text())
    except FileNotFoundError:
        return None


def _reason(folder: Path, status: int | None) -> str:
    if (folder / "stopped").exists():
        return "it was stopped"
    if status is None:
        return "it was killed, with who watched it"
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL - 1))
        return tail(file.read())
