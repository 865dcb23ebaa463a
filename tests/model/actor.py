"""Real code as a tree of what it does next, by what it was answered so far.

Code that meets the world only through a store, a clock and ids is a function of their answers. So it need
not be stopped and held in a thread: run once more on the answers it had, it comes to the same operation, the
first without an answer. Each history is run once, whatever the others did meanwhile.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from lakemint.store.base import Store, StoredObject
from tests.model.memory import MemoryStore
from tests.model.surroundings import Surroundings

WRITES = ("create", "put", "replace", "delete")


@dataclass(frozen=True)
class Actor:
    """Somebody at work: `act` may do nothing but through the store it is given."""

    name: str
    act: Callable[[Store], Any]


class Operation(NamedTuple):
    """A call of a store's method; the key, or the prefix, is its first argument."""

    method: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.arguments[0]}"

    def on(self, store: Store) -> "Answer":
        """Do it."""
        try:
            value = getattr(store, self.method)(*self.arguments)
        except Exception as error:  # the actor's to handle
            return Answer(None, type(error), str(error))
        if self.method == "open":
            value = value.read()
        elif self.method == "list":
            value = tuple(value)
            return Answer(value, ages=tuple(item.modified for item in value))
        return Answer(value)


class Answer(NamedTuple):
    """What came of an operation."""

    value: Any
    error: type[Exception] | None = None
    message: str = ""
    ages: tuple[datetime, ...] = ()
    """Of the objects that were listed, which are equal whatever their ages."""
    at: datetime | None = None
    """When it was done, if the actor looked at the clock just before."""

    def __str__(self) -> str:
        return f" → {self.error.__name__}" if self.error else ""


@dataclass(frozen=True, eq=False)
class Ended:
    """How an actor ended: it returned a value, or raised."""

    value: Any
    error: Exception | None


class Stopped(BaseException):
    """The actor's present ends here. Like a killed process it does not see its own end."""


class Past:
    """A store of past answers: behind the last one the actor is stopped."""

    address = MemoryStore.address

    def __init__(self, answers: tuple[Answer, ...], at: datetime) -> None:
        self._answers, self._at = answers, at
        self._given = 0
        self.wanted: Operation | None = None
        """The first operation without an answer."""
        self.looked = False
        """Whether the clock was read behind the last answer."""

    def now(self) -> datetime:
        if self._given < len(self._answers):
            at = self._answers[self._given].at
            assert at is not None, "the actor is no function of its answers"
            return at
        self.looked = self.looked or self.wanted is None
        return self._at

    def get(self, key: str, at_most: int | None = None) -> bytes:
        return cast("bytes", self._ask("get", key, at_most))

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        return io.BytesIO(self._ask("open", key, etag))

    def seekable(self, key: str) -> IO[bytes]:
        return self.open(key)

    def stat(self, key: str) -> StoredObject | None:
        return cast("StoredObject | None", self._ask("stat", key))

    def put(self, key: str, data: bytes) -> None:
        self._ask("put", key, data)

    def create(self, key: str, content: bytes | Path) -> None:
        self._ask("create", key, content)

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        self._ask("replace", key, content, etag)

    def delete(self, key: str) -> None:
        self._ask("delete", key)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        return iter(self._ask("list", prefix, after))

    def keeps_versions(self) -> bool:
        return False

    def sizes(self, prefix: str, after: str = "") -> Iterator[tuple[str, int]]:
        return ((item.key, item.size) for item in self.list(prefix, after))

    def _ask(self, method: str, *arguments: Any) -> Any:
        if self._given == len(self._answers):
            self.wanted = self.wanted or Operation(method, arguments)
            raise Stopped  # again for what stands under `finally`
        answer = self._answers[self._given]
        self._given += 1
        if answer.error:
            raise answer.error(answer.message)
        return answer.value


class History:
    """All that an actor was answered so far; identical for identical answers."""

    def __init__(self, actor: Actor, surroundings: Surroundings, answers: tuple[Answer, ...] = ()) -> None:
        self._actor, self._surroundings, self._answers = actor, surroundings, answers
        self._longer: dict[Answer, History] = {}
        self._next: dict[datetime | None, Operation | Ended] = {}
        """By the time it is then; under None when that makes no difference."""

    def next(self, at: datetime) -> Operation | Ended:
        """What the actor does next, at that time."""
        if None in self._next:
            return self._next[None]
        if at not in self._next:
            self._run(at)
            return self.next(at)
        return self._next[at]

    def answered(self, answer: Answer, at: datetime) -> "History":
        """One operation further, done at that time."""
        answer = answer._replace(at=None if None in self._next else at)
        if answer not in self._longer:
            self._longer[answer] = History(self._actor, self._surroundings, (*self._answers, answer))
        return self._longer[answer]

    def _run(self, at: datetime) -> None:
        past = Past(self._answers, at)
        self._surroundings.enter(self._actor.name, past, past.now)
        try:
            found: Operation | Ended = Ended(self._actor.act(past), None)
        except Stopped:
            assert past.wanted is not None
            found = past.wanted
        except Exception as error:
            found = Ended(None, error.with_traceback(None))
        self._next[at if past.looked else None] = found
