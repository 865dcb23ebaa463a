"""Watches one training on this machine, as a process that outlives who started it.

    python -m lakemint.handover.watch <folder> <program> [<argument> …]

It has the folder's lock, by a descriptor that it was started with, until it ends.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from lakemint.config import handed_over_text
from lakemint.files import write_private
from lakemint.handover.local import end
from lakemint.job.process import die_with_parent

NOT_FOUND = 127
"""As shells say that there is no such program."""


def main(folder: Path, command: list[str]) -> None:
    """Run the program to its end, end what it leaves behind, and write its exit status down."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # whoever stops the training ends the program, not us
    write_private(folder / "began", "")
    status = _run(command)
    end(handed_over_text() or "", spared=os.getpid())
    write_private(folder / "exit", str(status))


def _run(command: list[str]) -> int:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, bound before the fork
        )
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND
    return process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
