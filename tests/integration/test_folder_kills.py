"""Processes that publish, collect and promote in a folder, killed or asleep at every moment."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.kills.campaign import TASKS, Make, judge, kill, wake
from tests.kills.site import Site
from tests.model.memory import Objects
from tests.model.surroundings import Surroundings
from tests.unit.small_version import settings

STRIDE = 8
"""So many seeds take every moment once."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    surroundings, turns = Surroundings(), count()

    def make(objects: Objects) -> Site:
        return Site(settings(tmp_path / str(next(turns))), surroundings, objects)

    with surroundings.installed():
        yield make


@pytest.mark.parametrize("task", TASKS)
def test_killed_at_any_moment_each_input_has_one_whole_version(
    make: Make, task: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    judge(kill(make, TASKS[task], seed, STRIDE), record_property)


def test_asleep_at_any_moment_a_publisher_wakes_to_no_harm(
    make: Make, seed: int, record_property: Callable[[str, object], None]
) -> None:
    judge(wake(make, seed, STRIDE), record_property)
