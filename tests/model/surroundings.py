"""What the code asks of its process, told instead: the time, random ids, the store that settings name."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from itertools import count
from typing import Any
from unittest.mock import patch

import rfc8785

from lakemint.config import Config
from lakemint.store import Store

CLOCKS = tuple(f"lakemint.published.{module}.datetime" for module in ("leases", "garbage", "roots", "holds"))
STORES = ("lakemint.feed.version.open_store", "lakemint.published.verify.open_store")


def _remembered(dumps: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """The same, worked out once for each value: an actor who runs again writes the same documents again."""
    known: dict[str, bytes] = {}

    def dumps_once(value: Any) -> bytes:
        key = repr(value)
        if key not in known:
            known[key] = dumps(value)
        return known[key]

    return dumps_once


_DUMPS = _remembered(rfc8785.dumps)


class Clock:
    """Stands where `datetime` did, for who asks it what time it is, or was."""

    fromisoformat = datetime.fromisoformat

    def __init__(self, read: Callable[[], datetime]) -> None:
        self._read = read

    def now(self, zone: tzinfo) -> datetime:
        return self._read().astimezone(zone)


class Surroundings:
    """Those of whoever runs just now. Ids are counted, so that who runs again draws the same."""

    def __init__(self) -> None:
        self._store: Store
        self._now: Callable[[], datetime]
        self._ids: Iterator[uuid.UUID] = iter(uuid.uuid4, None)

    def enter(self, name: str, store: Store, now: Callable[[], datetime]) -> None:
        """From now on `name` runs."""
        self._store, self._now = store, now
        self._ids = (uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {number}") for number in count())

    @contextmanager
    def installed(self) -> Iterator[None]:
        with ExitStack() as stack:
            for place in CLOCKS:
                stack.enter_context(patch(place, Clock(self._time)))
            for place in STORES:
                stack.enter_context(patch(place, self._open_store))
            stack.enter_context(patch("rfc8785.dumps", _DUMPS))
            stack.enter_context(patch("uuid.uuid4", lambda: next(self._ids)))
            yield

    def _time(self) -> datetime:
        return self._now()

    def _open_store(self, _config: Config) -> Store:
        return self._store
