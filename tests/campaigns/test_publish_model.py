"""Publishing, collecting, promoting and erasing at once: every order of their steps, with any two faults.

With any one where there are too many orders: `Scenario.most`.
"""

from collections.abc import Callable

import pytest

from tests.model.explore import explore
from tests.model.scenarios import scenarios


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", scenarios())
def test_no_order_of_steps_breaks_a_law(name: str, record_property: Callable[[str, object], None]) -> None:
    scenario = scenarios()[name]
    found = explore(scenario, scenario.most)
    for what, number in (
        ("scenarios", 1),
        ("schedules", found.schedules),
        ("states", found.states),
        ("violations", int(bool(found.violation))),
    ):
        record_property(what, number)
    assert not found.violation, found
