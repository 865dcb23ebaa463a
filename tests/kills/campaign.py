"""Processes that are killed or put to sleep at every moment, and what is found behind them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from signal import SIGSTOP

from tests.kills.process import ASLEEP, DONE, KILLED, REFUSED
from tests.kills.site import Site, Work
from tests.model.explore import LONG
from tests.model.memory import Objects
from tests.model.roles import collect, erase, move_tables, promote, publish
from tests.model.scenarios import left_lake

Make = Callable[[Objects], Site]
"""A new lake, holding these."""
MANY = 60
"""Moments, about as many as the longest work has."""


@dataclass(frozen=True)
class Task:
    """What is to be done in a lake, and what must have come of it."""

    work: Work
    objects: Callable[[], Objects]
    versions: tuple[bytes, ...]
    """The inputs that have a version then."""
    history: tuple[int, ...] = ()
    """Where the channel stood one after the other then, if there is one."""
    age: timedelta = timedelta(0)
    """Of all that is in the lake at the start."""


TASKS = {
    "publish": Task(publish, partial(left_lake, "old", tables="new"), (b"old", b"new")),
    "publish over damaged remains": Task(
        publish, partial(left_lake, "old", left="new", tables="new"), (b"old", b"new")
    ),
    "collect": Task(
        collect, partial(left_lake, "old", "new", left="newer"), (b"old", b"new"), age=timedelta(days=30)
    ),
    "promote": Task(
        partial(promote, by="ana", number=3),
        partial(left_lake, "old", "new", "newer", at=2),
        (b"old", b"new", b"newer"),
        (1, 2, 3),
    ),
    "erase": Task(
        partial(erase, name="3"),
        partial(left_lake, "pair", "trio", left="lone", erase="3"),
        (b"pair", b"trio", b"trio-3"),
    ),
}


def judge(figures: Counter[str], note: Callable[[str, object], None]) -> None:
    """Note what a campaign found, for its last line; there may be points, and nothing else."""
    for name in ("points", "lost", "duplicated", "partial", "astray", "orphans"):
        note(name, figures[name])
    assert figures["points"] > 0
    assert +figures == Counter(points=figures["points"])


def moments(seed: int, stride: int) -> Iterator[int]:
    """Every `stride`-th; the next seed takes those beside."""
    return count(1 + seed % stride, stride)


def kill(make: Make, task: Task, seed: int, stride: int) -> Counter[str]:
    """Whoever does it is killed, at each moment of another lake, and somebody does it again."""
    chance, figures = random.Random(seed), Counter[str]()  # noqa: S311
    for at in moments(seed, stride):
        site = make(task.objects())
        site.wait(task.age)
        status = site.run(task.work, at)
        if status == DONE:  # there are no more moments
            break
        assert status == KILLED
        site.check()
        while chance.random() < 0.5:  # the next one may be killed too
            assert site.run(task.work, chance.randrange(1, MANY)) in (KILLED, DONE)
            site.check()
        site.finish(task.work)
        figures += Counter(points=1) + site.survey(task.versions, task.history)
    return figures


def wake(make: Make, seed: int, stride: int) -> Counter[str]:
    """A publisher falls asleep at each moment; when it wakes, its lease is over and others were at work."""
    chance, figures = random.Random(seed), Counter[str]()  # noqa: S311
    for at in moments(seed, stride):
        site = make(left_lake("old", tables="new"))
        with site.worker(publish, at, SIGSTOP) as zombie:
            status = zombie.wait()
            if status == DONE:
                break
            assert status == ASLEEP
            published = _meanwhile(site, chance)
            zombie.wake()
            assert zombie.wait() in (DONE, REFUSED)
        site.check()
        site.finish(publish)
        figures += Counter(points=1) + site.survey((b"old", *(published or [b"new"])))
    return figures


def _meanwhile(site: Site, chance: random.Random) -> list[bytes]:
    """The inputs that others make versions of."""
    published: list[bytes] = []
    for state in chance.choice([(b"new", b"newer"), (b"newer",), ()]):
        move_tables(site.store, state)
        assert site.run(publish) == DONE
        site.check()
        published.append(state)
    # What only the sleeper has written keeps for the grace period.
    site.wait(timedelta(days=8) if published else LONG)
    assert site.run(collect) == DONE
    site.check()
    return published
