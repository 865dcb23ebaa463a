"""Every order in which actors' steps can follow one another, and every fault at each step, up to a number.

A depth-first search over states: what the store holds, what each actor was answered, the time, and what may
still go wrong. A step is all that an actor does after an answer, up to and with its next operation, at one
instant. States that were met before are not searched again; since a state holds whole histories, what
follows from it does not depend on how it was reached. (Godefroid, "Model Checking for Programming Languages
using VeriSoft", POPL 1997; Musuvathi et al., "Finding and Reproducing Heisenbugs in Concurrent Programs",
OSDI 2008, whose searches keep no states and prune orders of independent steps instead.)

Faults are what the interface `Store` lets its callers see, since all else is settled below it, alike for all
of them (and tried on the real store, by `tests/integration/test_kills.py`):

- an actor dies: killed before an operation, it died after the one before, or never began;
- the store is away: StoreUnavailable, nothing was done;
- the reply is lost: StoreUnavailable, all was done;
- the reply is lost, and the client sends the request again when others were at work: so boto3 does unseen,
  and the caller has the second reply.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from lakemint.errors import StoreUnavailable
from tests.model.actor import WRITES, Actor, Answer, Ended, History, Operation
from tests.model.laws import Laws, Violation
from tests.model.memory import MemoryStore, Objects
from tests.model.surroundings import Surroundings

START = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
LONG = timedelta(hours=25)
"""Time that passes at once, when it does: longer than any lease, shorter than the grace period."""
AWAY = Answer(None, StoreUnavailable, "injected")


@dataclass(frozen=True)
class Scenario:
    """Who is at work on what."""

    objects: Objects
    """What the store holds at the start."""
    actors: tuple[Actor, ...]
    waits: int = 0
    """How often time passes."""
    sleepy: bool = False
    """An actor may sleep between a look at the clock and the operation that follows."""
    large: bool = False
    """Too large for the unit tests."""
    most: int = 2
    """How much can go wrong in it, at most, so that a search ends within the hour."""


@dataclass
class Explored:
    """What a search came by."""

    states: int = 0
    schedules: int = 0
    """Orders of steps from the start to an end; the states they share were visited once."""
    trail: list[str] = field(default_factory=list)
    """The steps to the violation; empty when there is none."""
    violation: str = ""

    def __str__(self) -> str:
        return "\n  ".join([self.violation or "no violation", *self.trail])


class Doing(NamedTuple):
    """Where one actor is."""

    history: History
    heard: datetime | None = None
    """When it had its last answer; None before it began."""
    ended: Ended | None = None
    dead: bool = False
    again: Operation | None = None
    """Done once already; the client, which had no reply, is about to send it again."""

    @property
    def working(self) -> bool:
        return not (self.dead or self.ended)


class State(NamedTuple):
    objects: int
    """A number for what the store holds."""
    doings: tuple[Doing, ...]
    now: datetime
    waits: int
    """How often time may still pass."""
    faults: int
    """How much may still go wrong."""

    def after(self, who: int, doing: Doing, objects: int | None = None, faults: int = 0) -> "State":
        """One did that; `faults` went wrong."""
        doings = (*self.doings[:who], doing, *self.doings[who + 1 :])
        objects = self.objects if objects is None else objects
        return State(objects, doings, self.now, self.waits, self.faults - faults)


Step = tuple[str, State]


def explore(scenario: Scenario, faults: int) -> Explored:
    """Search to the end, or to the first violation; at most so many faults in one schedule."""
    surroundings = Surroundings()
    with surroundings.installed():
        return _Search(scenario, surroundings, faults).run()


class _Search:
    """One search, and what it knows by now."""

    def __init__(self, scenario: Scenario, surroundings: Surroundings, faults: int) -> None:
        self._scenario, self._surroundings, self._faults = scenario, surroundings, faults
        self._laws = Laws(surroundings, outlived=scenario.waits > 0)
        self._contents: list[Objects] = []
        self._numbers: dict[frozenset[object], int] = {}
        self._schedules: dict[State, int] = {}
        """From each state that was visited."""
        self._trail: list[str] = []
        self._idle = tuple(Doing(History(one, surroundings)) for one in scenario.actors)
        """Those who did not begin."""
        self._over: dict[tuple[int, str], Doing] = {}
        """Those who ended, by how they did: what they heard before makes no difference any more."""
        self._done: dict[tuple[int, Operation, datetime], tuple[Answer, int]] = {}
        """What comes of an operation on that content at that time: it was done in many states."""
        self._lawful: set[tuple[int, int]] = set()
        """Contents that were looked at, one before the other."""

    def run(self) -> Explored:
        start = self._number(self._scenario.objects)
        found = Explored()
        try:
            found.schedules = self._visit(State(start, self._idle, START, self._scenario.waits, self._faults))
        except Violation as violation:
            found.trail, found.violation = [*self._trail], str(violation)
        found.states = len(self._schedules)
        return found

    def _visit(self, state: State) -> int:
        known = self._schedules.get(state)
        if known is not None:
            return known
        schedules = 0
        for told, after in self._steps(state):
            self._trail.append(told)
            self._check(state.objects, after.objects, state.now)
            schedules += self._visit(after)
            self._trail.pop()
        if not any(doing.working for doing in state.doings):
            ends = {
                actor.name: doing.ended
                for actor, doing in zip(self._scenario.actors, state.doings, strict=True)
                if doing.ended
            }
            self._laws.end(self._contents[state.objects], ends, state.now)
            schedules = 1
        self._schedules[state] = schedules
        return schedules

    def _check(self, before: int, after: int, now: datetime) -> None:
        if (before, after) not in self._lawful:
            self._laws.step(self._contents[before], self._contents[after], now)
            self._lawful.add((before, after))

    def _steps(self, state: State) -> Iterator[Step]:
        for who, doing in enumerate(state.doings):
            if doing.working:
                yield from self._steps_of(state, who, doing)
        hurried = any(doing.again for doing in state.doings)  # a client does not try that long
        if state.waits and not hurried and any(doing.working for doing in state.doings):
            yield f"{LONG} pass", state._replace(now=state.now + LONG, waits=state.waits - 1)

    def _steps_of(self, state: State, who: int, doing: Doing) -> Iterator[Step]:
        at = doing.heard if doing.heard and self._scenario.sleepy else state.now
        operation = doing.again or doing.history.next(at)
        assert isinstance(operation, Operation)
        answer, done = self._do(state.objects, operation, state.now)
        name = self._scenario.actors[who].name
        told = f"{name}: {operation}"
        yield f"{told}{answer}", state.after(who, self._heard(state, who, at, answer), done)
        if not state.faults or doing.again:
            return
        away = self._heard(state, who, at, AWAY)
        yield f"{told}: the store is away", state.after(who, away, faults=1)
        if operation.method in WRITES:
            yield f"{told}: done, the reply is lost", state.after(who, away, done, faults=1)
            again = doing._replace(again=operation)
            yield f"{told}: done, and sent again later", state.after(who, again, done, faults=1)
        if doing.heard:
            yield f"{name} dies", state.after(who, self._idle[who]._replace(dead=True), faults=1)

    def _heard(self, state: State, who: int, at: datetime, answer: Answer) -> Doing:
        """The actor with its answer to what it did at that time."""
        history = state.doings[who].history.answered(answer, at)
        following = history.next(state.now)
        if isinstance(following, Ended):
            how = f"{following.value} {following.error!r}"
            return self._over.setdefault((who, how), Doing(history, ended=following))
        # When it heard that makes no difference to who is awake: nor may it make another state.
        return Doing(history, state.now if self._scenario.sleepy else START)

    def _do(self, objects: int, operation: Operation, now: datetime) -> tuple[Answer, int]:
        """The answer, and the content that is there then."""
        asked = objects, operation, now
        if asked not in self._done:
            store = MemoryStore(self._contents[objects], lambda: now)
            answer = operation.on(store)
            self._done[asked] = answer, self._number(store.objects)
        return self._done[asked]

    def _number(self, objects: Objects) -> int:
        content = frozenset(objects.items())
        if content not in self._numbers:
            self._numbers[content] = len(self._contents)
            self._contents.append(objects)
        return self._numbers[content]
