"""A store that goes away at some write."""

from typing import Any

from lakemint.errors import StoreUnavailable
from lakemint.store import Store


class Failing:
    """A store whose n-th write fails, before or after it is done."""

    def __init__(self, store: Store, at: int, done: bool) -> None:
        self._store, self._left, self._done = store, at, done

    @property
    def has_failed(self) -> bool:
        return self._left < 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("put", "create", "replace", "delete"):
            return method

        def write(*arguments: Any) -> None:
            self._left -= 1
            if self._left < 0 and not self._done:
                raise StoreUnavailable("away")
            method(*arguments)
            if self._left < 0:
                raise StoreUnavailable("away")

        return write
