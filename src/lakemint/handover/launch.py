"""What every launcher does, whatever starts the ranks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from lakemint.errors import TrainingError
from lakemint.handover.record import Handover
from lakemint.printable import printable

State = Literal["waiting", "running", "succeeded", "failed", "unknown"]
"""Unknown: nobody here can say."""

TAIL: Final = 4096
"""Bytes of a log's end that are looked at."""


@dataclass(frozen=True)
class Job:
    """How the job of a hand-over is."""

    state: State
    words: str = ""
    """The end of what it said, or why it is not at work; printable lines."""
    log: str = ""
    """Where all is that it said: a path, or the command that shows it."""

    @property
    def is_over(self) -> bool:
        """Whether it will change no more."""
        return self.state in ("succeeded", "failed")

    @property
    def last_line(self) -> str:
        """The last that it said."""
        return self.words.rstrip().rpartition("\n")[2]


class Launcher(Protocol):
    """Starts the ranks of a training somewhere, where they outlive who started them.

    All methods raise TrainingError, with the launcher's words, when it refuses or does not answer.
    """

    @property
    def place(self) -> str:
        """The machine or cluster, where there may be several of the kind; else empty."""

    def submit(self, handover: Handover) -> None:
        """Have the hand-over's job started; one that is there already, at work or over, is left as it is."""

    def look(self, handover: Handover) -> Job | None:
        """How its job is; None when there is none."""

    def stop(self, handover: Handover) -> None:
        """End its job, which then has failed; one that is over, or not there, is left as it is."""

    def render(self, handover: Handover) -> str:
        """What `submit` would give to whom, for people to read; refuses what the launcher cannot do."""


def check_options(handover: Handover, known: Iterable[str], needed: Iterable[str] = ()) -> None:
    """Raises TrainingError for options that the launcher has not, and for those missing that it needs."""
    training, known = handover.training, sorted(known)
    for name in training.options:
        if name not in known:
            raise TrainingError(
                f"{training.launcher} has no option {name!r}: {', '.join(known) or 'it has none'}"
            )
    for name in needed:
        if not training.options.get(name):
            raise TrainingError(f"{training.launcher} needs the option {name}: --option {name}=…")


def plain_command(handover: Handover) -> list[str]:
    """The program itself: one rank. Raises TrainingError when more are wanted, or restarts."""
    training = handover.training
    if training.world > 1 or training.restarts:
        raise TrainingError(
            "a plain process is one rank, begun once: for more, and restarts, hand it over to torchrun"
        )
    return [*training.program]


def local_torchrun(handover: Handover) -> list[str]:
    """Torchrun on one machine; raises TrainingError when more are wanted."""
    if handover.training.nodes > 1:
        raise TrainingError("torchrun starts ranks on this machine only: --nodes 1, or hand it to a cluster")
    return torchrun(handover, "--rdzv-endpoint=localhost:0")


def torchrun(handover: Handover, *rendezvous: str) -> list[str]:
    """Torchrun, by the program's own Python where it is one, and what it starts as each rank.

    https://docs.pytorch.org/docs/stable/elastic/run.html
    """
    training = handover.training
    program = training.program[0]
    own = (
        [program, "-m", "torch.distributed.run"] if Path(program).name.startswith("python") else ["torchrun"]
    )
    return [
        *own,
        f"--nnodes={training.nodes}",
        f"--nproc-per-node={training.processes}",
        f"--max-restarts={training.restarts}",
        f"--rdzv-id={handover.job}",
        "--rdzv-backend=c10d",
        *rendezvous,
        "--no-python",
        *training.program,
    ]


def tail(data: bytes) -> str:
    """The end of a log, made fit to be shown."""
    if len(data) > TAIL:
        data = data[-TAIL:].partition(b"\n")[2] or data[-TAIL:]
    return printable(data.decode(errors="replace").replace("\r", "\n")).strip("\n")
