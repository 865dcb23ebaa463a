"""What tests share that is no fixture."""

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from lakemint.errors import ObjectExists
from lakemint.job.outcome import Outcome

CHECKOUT = Path(__file__).resolve().parent.parent
LAKEMINT = Path(sys.executable).with_name("lakemint")


def lakemint(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, in the checkout."""
    return subprocess.run(
        [LAKEMINT, *arguments], capture_output=True, text=True, cwd=CHECKOUT, timeout=timeout, check=False
    )


def at_once(work: Callable[[int], None], threads: int) -> None:
    """Call `work` with 0 … threads - 1, each in a thread of its own, and wait for all."""
    crowd = [threading.Thread(target=work, args=(turn,)) for turn in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()


def winners(write: Callable[[int], None], threads: int) -> list[int]:
    """Of many who write at once, those that were not told that someone else had."""
    won: list[int] = []

    def race(turn: int) -> None:
        try:
            write(turn)
            won.append(turn)
        except ObjectExists:
            pass

    at_once(race, threads)
    return won


def run_job(stage: str, *arguments: str) -> Outcome:
    """`main` of `jobs/<stage>.py`, with settings from the environment."""
    spec = importlib.util.spec_from_file_location(f"jobs_{stage}", job_path(stage))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Outcome", module.main(*arguments))


def job_path(stage: str) -> Path:
    return CHECKOUT / "jobs" / f"{stage}.py"
