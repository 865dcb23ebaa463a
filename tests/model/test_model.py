"""Publishing, collecting, promoting and erasing at once: every order of their steps, with faults at each."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.errors import LakemintError
from lakemint.store import FolderStore, Store
from lakemint.store.base import md5
from tests.model.actor import Answer, Operation
from tests.model.explore import explore
from tests.model.memory import MemoryStore
from tests.model.mutation import Mutation
from tests.model.mutations import MUTATIONS
from tests.model.scenarios import asleep_on_garbage, scenarios

FAULTS = {
    "a publisher": 2,
    "a collector": 2,
    "a promoter": 2,
    "publisher and reader": 1,
    "promoter and rollback": 1,
    "promoter and collector": 1,
    "two promoters of a new channel": 1,
    "two promoters and a reader": 1,
    "two collectors": 0,
    "two publishers of one input": 0,
    "two publishers of two inputs": 0,
    "a zombie and a newer publisher": 0,
    "publisher and collector": 0,
    "publisher, collector and reader": 0,
    "sleepy publisher and collector": 0,
    "an eraser": 0,
    "eraser and reader": 1,
    "eraser and checker": 0,
    "promoter and eraser": 0,
    "two erasers": 0,
    "a retirer": 2,
    "a collector of a retired version": 1,
    "retirer, collector and holder": 0,
    "retirer, collector and reader": 0,
    "a collector and two late holders": 0,
    "collector and restorer": 1,
    "retirer and publisher": 0,
    "retirer and eraser": 0,
}
"""Scenario → how much goes wrong in it, at most: what takes a second or two. The campaign goes further."""


@pytest.mark.parametrize("name", FAULTS)
def test_no_order_of_steps_breaks_a_law(name: str) -> None:
    found = explore(scenarios()[name], FAULTS[name])
    assert not found.violation, found
    assert found.schedules >= 1


def test_every_scenario_is_searched() -> None:
    assert FAULTS.keys() == {name for name, scenario in scenarios().items() if not scenario.large}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_without_a_safeguard_some_order_breaks_a_law(
    mutation: Mutation, record_property: Callable[[str, object], None]
) -> None:
    scenario = scenarios()[mutation.scenario]
    with mutation.applied():
        found = explore(scenario, mutation.faults)
    record_property("mutations", 1)
    record_property("mutations_found", int(bool(found.violation)))
    print(found)
    assert found.violation
    assert found.trail


def test_what_leases_cannot_help_against() -> None:
    """Who looks at the clock, sleeps for longer than a lease lasts, and writes then, may need what is gone.

    No store can be asked to write only if another object is still there. So a lease lasts for so much longer
    than what is done under it, and fresh objects have the grace period besides.
    """
    found = explore(asleep_on_garbage(), 0)
    assert "every version is whole" in found.violation


KEYS = st.sampled_from(["a/x", "a/y", "a/xy", "b"])
DATA = st.sampled_from([b"", b"1", b"22"])
OPERATIONS = st.one_of(
    st.tuples(st.just("get"), st.tuples(KEYS, st.none() | st.integers(0, 3))),
    st.tuples(st.just("open"), st.tuples(KEYS, DATA.map(md5))),
    st.tuples(st.just("stat"), st.tuples(KEYS)),
    st.tuples(st.sampled_from(["put", "create"]), st.tuples(KEYS, DATA)),
    st.tuples(st.just("replace"), st.tuples(KEYS, DATA, DATA.map(md5))),
    st.tuples(st.just("delete"), st.tuples(KEYS)),
    st.tuples(st.just("list"), st.tuples(st.sampled_from(["", "a/", "a/x"]), st.just("") | KEYS)),
)


@settings(max_examples=40)
@given(st.lists(OPERATIONS, max_size=8))
def test_the_store_in_memory_answers_like_a_folder(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, tuple[object, ...]]]
) -> None:
    folder: Store = FolderStore(Path(tmp_path_factory.mktemp("lake")))
    memory = MemoryStore({}, lambda: datetime.now(UTC))
    for method, arguments in steps:
        operation = Operation(method, arguments)
        one, other = operation.on(folder), operation.on(memory)
        assert comparable(one) == comparable(other), operation
        assert one.error is None or issubclass(one.error, LakemintError)


def comparable(answer: Answer) -> Answer:
    """All but the times."""
    return answer._replace(ages=())
