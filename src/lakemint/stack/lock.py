"""One `up` or `down` at a time. The system lets go of the lock when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from lakemint.errors import StackError
from lakemint.stack.layout import Stack


@contextmanager
def locked(stack: Stack, verb: str) -> Iterator[None]:
    """Hold the stack's lock; raises StackError at once when another command has it."""
    with (stack.run / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read() or "another command"
            raise StackError(
                f"{holder} is at work on the stack in {stack.home}: wait until it is done, or stop it"
            ) from error
        file.truncate(0)
        file.write(f"`lakemint {verb}` (pid {os.getpid()})")
        file.flush()
        yield
        file.truncate(0)
