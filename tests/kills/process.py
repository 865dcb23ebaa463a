"""Real processes that are killed, or put to sleep, at any moment of what they do to a store."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self, cast

from lakemint.errors import LakemintError
from lakemint.store import Store

DONE, REFUSED, BROKEN = 0, 3, 70
"""Exit statuses: the work is done, it ended in one of our errors, in another."""
KILLED, ASLEEP = -signal.SIGKILL, -signal.SIGSTOP
"""What `Worker.wait` says of those that did not end."""
_FILES = ("open", "os.link", "os.mkdir", "os.remove", "os.rename")
"""What Python reports before it changes or opens files (PEP 578)."""
_REQUEST = "http.client.send"


class Moments:
    """Counts a process's moments, and at a given one sends it a signal.

    Moments lie before and after each operation of a store, and within them before each request to a server,
    and before each change of a file in `folder`.
    """

    def __init__(self, at: int = 0, what: signal.Signals = signal.SIGKILL, folder: str = "") -> None:
        self._at, self._what, self._folder = at, what, folder
        self._passed = 0

    def watching(self, store: Store) -> Store:
        """From now on this process's moments count; the store, watched."""
        sys.addaudithook(self._hear)
        return cast("Store", _Watched(store, self.one))

    def one(self) -> None:
        self._passed += 1
        if self._passed == self._at:
            os.kill(os.getpid(), self._what)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        ours = self._folder and event in _FILES and str(arguments[0]).startswith(self._folder)
        if ours or event == _REQUEST:
            self.one()


class _Watched:
    """A store each of whose operations has a moment before and a moment after it."""

    def __init__(self, store: Store, moment: Callable[[], None]) -> None:
        self._store, self._moment = store, moment
        self.address = store.address

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._moment()
            found = getattr(self._store, name)(*arguments)
            found = iter([*found]) if name == "list" else found
            self._moment()
            return found

        return call


class Worker:
    """A process of its own that does `work`; gone when the `with` block is left."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._there = False

    def __enter__(self) -> Self:
        self._pid = os.fork()
        if self._pid == 0:
            _live(self._work)
        self._there = True
        return self

    def wait(self) -> int:
        """Until it ends or sleeps: its exit status, or the signal that did it, negative."""
        _, status = os.waitpid(self._pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return -os.WSTOPSIG(status)
        self._there = False
        return os.waitstatus_to_exitcode(status)

    def wake(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._there:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _live(work: Callable[[], object]) -> NoReturn:
    """A forked process's life: nothing of the test that it was forked from may go on in it."""
    status = BROKEN
    try:
        work()
        status = DONE
    except LakemintError:
        status = REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
