"""Processes that publish, collect, promote and erase: killed, asleep, and on the real store's bad days."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from lakemint.config import Config
from lakemint.errors import StoreUnavailable
from lakemint.store import open_store
from tests.integration.fault_proxy import Fault, FaultProxy
from tests.kills.campaign import TASKS, Make, judge, kill, wake
from tests.kills.site import Site
from tests.model.surroundings import Surroundings
from tests.unit.small_version import settings

STRIDE = {"folder": 8, "store": 32}
"""So many seeds take every moment once; in the store each moment costs two clients of it."""
BAD_DAY = (Fault(refuse=True), Fault(lose_reply=True), Fault(slow_down=True), Fault(cut_after=20))


@pytest.fixture(params=STRIDE)
def kind(request: pytest.FixtureRequest) -> str:
    """Where the lakes are."""
    return str(request.param)


@pytest.fixture
def make(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    config: Config = settings(tmp_path) if kind == "folder" else request.getfixturevalue("config")
    surroundings, turns = Surroundings(), count()
    with surroundings.installed():
        yield lambda objects: Site(
            replace(config, lake=f"{config.lake}/{next(turns)}"), surroundings, objects
        )


@pytest.mark.parametrize("task", TASKS)
def test_killed_at_any_moment_each_input_has_one_whole_version(
    make: Make, kind: str, task: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    judge(kill(make, TASKS[task], seed, STRIDE[kind]), record_property)


def test_asleep_at_any_moment_a_publisher_wakes_to_no_harm(
    make: Make, kind: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    judge(wake(make, seed, STRIDE[kind]), record_property)


@pytest.mark.parametrize("kind", ["store"], indirect=True)
@pytest.mark.parametrize("name", TASKS)
def test_replies_lost_refused_and_cut_short_change_nothing(
    make: Make, config: Config, name: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    task, chance, met = TASKS[name], random.Random(seed), 0  # noqa: S311
    site = make(task.objects())
    site.wait(task.age)

    def weather(_method: str, _path: str) -> Fault | None:
        nonlocal met
        bad = chance.random() < 0.3
        met += bad
        return chance.choice(BAD_DAY) if bad else None

    proxy = FaultProxy(config.s3_endpoint)
    proxy.judge = weather
    try:
        insist(lambda: site.do(task.work, open_store(proxy.through(site.config))))
    finally:
        proxy.close()
    site.check()
    site.finish(task.work)
    judge(Counter(points=met) + site.survey(task.versions, task.history), record_property)


def insist(work: Callable[[], object]) -> None:
    """Again for as long as the store is away: a listing that was cut short is not asked for again below."""
    for _ in range(20):
        try:
            work()
        except StoreUnavailable:
            continue
        return
    raise AssertionError("never done")
