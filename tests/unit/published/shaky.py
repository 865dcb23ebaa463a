"""A store whose next conditional write of a channel goes wrong, or comes too late."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lakemint.store import Store

Happening = Callable[[], object]


class Shaky:
    """The real store; what is set happens once, just before or after it takes the next write of a channel."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before: Happening | None = None
        self.after: Happening | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, key: str, content: bytes | Path) -> None:
        self._write(key, lambda: self._store.create(key, content))

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        self._write(key, lambda: self._store.replace(key, content, etag))

    def _write(self, key: str, write: Happening) -> None:
        before, after = self.before, self.after
        if "/channels/" in key:
            self.before = self.after = None
            if before:
                before()
        write()
        if "/channels/" in key and after:
            after()


def failing(error: BaseException) -> Happening:
    def fail() -> None:
        raise error

    return fail
