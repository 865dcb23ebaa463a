"""Small writes beside a training loop, which waits for none of them."""

import os
import threading
from collections.abc import Callable
from typing import Final

_PAUSE: Final = 1.0
"""Seconds between two rounds of writing: who saves at each step shall not write at each step."""
_PATIENCE: Final = 30.0
"""Seconds that the end waits for the last round."""

Write = Callable[[], None]


class Posting:
    """Does writes in a thread of its own; or, when strict, at once, and raises what they raise."""

    def __init__(self, strict: bool, warn: Callable[[Exception], None]) -> None:
        self._strict, self._warn = strict, warn
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._due: dict[str, Write] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def post(self, name: str, write: Write) -> None:
        """Have it done, instead of an earlier one of that name that was not yet; nothing once closed."""
        if self._strict:
            if not self._is_closed:
                write()
            return
        if self._process != os.getpid():
            self._begin()  # threads do not come along into the worker that a loader of batches forks
        with self._changed:
            if self._is_closed:
                return
            self._due[name] = write
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lakemint-receipts", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Wait until all is done, but not for ever."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            if self._thread.is_alive():
                self._warn(TimeoutError(f"the store did not answer within {_PATIENCE:.0f} s"))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._is_closed)
                due, self._due = self._due, {}
            for write in due.values():
                self._try(write)
            with self._changed:
                if self._changed.wait_for(lambda: self._is_closed, _PAUSE) and not self._due:
                    return

    def _try(self, write: Write) -> None:
        try:
            write()
        except Exception as error:  # whatever it is, the training goes on
            self._warn(error)
