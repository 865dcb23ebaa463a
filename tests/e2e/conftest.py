"""The demo's road, walked once through real Airflow; the tests look at what it left."""

import json
import os
from dataclasses import dataclass

import pytest

from lakemint.config import Config, load_config
from lakemint.lake import Lake
from lakemint.store import Store, open_store
from tests.conftest import OWN_HOME
from tests.support import lakemint

SETUP = 1800
"""Seconds that the first test may take: it walks the road, on a machine that may be slow or busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "road" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(SETUP))


@dataclass(frozen=True)
class Road:
    """What `lakemint demo` left behind, and what it said."""

    config: Config
    store: Store
    lake: Lake
    said: str


@pytest.fixture(scope="session")
def stack(stack: Config) -> Config:
    """The tests' own stack gets its Airflow; one that was named is used as it is."""
    if os.environ["LAKEMINT_HOME"] == str(OWN_HOME):
        done = lakemint("up")
        assert done.returncode == 0, done.stdout + done.stderr
    return load_config()


@pytest.fixture(scope="session")
def road(stack: Config) -> Road:
    """The stack's own lake after the demo ran through it."""
    done = lakemint("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    return Road(stack, open_store(stack), Lake(stack.lake), done.stdout)


def version_card(dataset: str) -> dict[str, object]:
    """`lakemint version show <dataset> --json`, parsed."""
    done = lakemint("version", "show", dataset, "--json")
    assert done.returncode == 0, done.stderr
    card: dict[str, object] = json.loads(done.stdout)
    return card
