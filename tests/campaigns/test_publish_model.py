"""Publishing, collecting and promoting at once: every order of their steps, with any two faults."""

from collections.abc import Callable

import pytest

from tests.model.explore import explore
from tests.model.scenarios import scenarios


@pytest.mark.parametrize("name", scenarios())
def test_no_order_of_steps_breaks_a_law(name: str, record_property: Callable[[str, object], None]) -> None:
    found = explore(scenarios()[name], faults=2)
    for what, number in (
        ("scenarios", 1),
        ("schedules", found.schedules),
        ("states", found.states),
        ("violations", int(bool(found.violation))),
    ):
        record_property(what, number)
    assert not found.violation, found
