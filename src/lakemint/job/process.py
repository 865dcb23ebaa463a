"""A job as a child process: its lines as they come, its outcome, its end. Knows nothing of Airflow."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lakemint.errors import LakemintError
from lakemint.job.outcome import Outcome

MAX_LINE = 64 * 1024
"""Characters of one line of output; longer ones are cut into several."""

MAX_ERROR_LINES = 20

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL. Airflow gives a task 5 before it kills it, with us in it."""

ERROR = "error: "


class JobProcess:
    """A running job, in a process group of its own.

    `outcome` and `error` are known once `lines` is exhausted.
    """

    def __init__(self, script: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.outcome: Outcome | None = None
        self._error: list[str] = []
        self._last = ""
        self._process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, bound before the fork
        )

    @property
    def pid(self) -> int:
        """Also the id of the job's process group."""
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """The job's output, line by line while it runs, without the outcome's own line."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see above
        with self._process.stdout as output:
            for raw in iter(lambda: output.readline(MAX_LINE), ""):
                line = raw.rstrip("\r\n")
                outcome = Outcome.from_line(line)
                if outcome is not None:
                    self.outcome = outcome
                    continue
                self._remember(line)
                yield line

    def _remember(self, line: str) -> None:
        """The error is the last thing a job says: its line, and what follows."""
        self._last = line or self._last
        if line.startswith(ERROR):
            self._error = [line.removeprefix(ERROR)]
        elif self._error and len(self._error) < MAX_ERROR_LINES:
            self._error.append(line)

    def wait(self) -> int:
        """The exit code, once the job has ended; negative for the signal that ended it."""
        return self._process.wait()

    def stop(self, grace: float = GRACE) -> None:
        """End the job and all it started: SIGTERM to its group, and SIGKILL after `grace` seconds."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
            os.killpg(self.pid, signal.SIGKILL)

    def complaint(self, code: int) -> str:
        """Why the job failed: its own words when it had any."""
        if self._error:
            return "\n".join(self._error).rstrip()
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}, last line: {self._last or '(no output)'}"


def run_job(
    script: Path, arguments: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], object]
) -> Outcome:
    """Run a job to its end; `tell` hears each of its lines. The job dies with whoever waits for it.

    Raises LakemintError with the job's own words when it fails, or is not there.
    """
    if not script.is_file():
        raise LakemintError(f"{script} is not there: run this in a checkout")
    process = JobProcess(script, arguments, environment)
    try:
        for line in process.lines():
            tell(line)
        code = process.wait()
    except BaseException:
        process.stop()
        raise
    if code or process.outcome is None:
        raise LakemintError(process.complaint(code))
    return process.outcome


_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Linux ends the job when its task is killed the hard way, so that no two tries work at once."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
