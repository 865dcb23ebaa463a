"""One running stack for all tests, and for each test an empty lake of its own in it.

Tests marked by the folder `unit` ask for none of this. A stack that `LAKEMINT_HOME` names is used as it is;
otherwise `.lakemint/test` is started once for all pytest workers and stopped when the last is done.
"""

import gc
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis
import pytest
from filelock import FileLock

from lakemint.config import Config, load_config
from lakemint.store import Store, open_store, s3_client
from tests.support import CHECKOUT, LAKEMINT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How fast a machine is, or how busy, says nothing about the code: speeds are for benchmarks.
hypothesis.settings.register_profile("lakemint", deadline=None)
hypothesis.settings.load_profile("lakemint")

BUCKET = "test"
USED = CHECKOUT / ".lakemint" / "test.used"
"""There while a stack of the tests' own may run."""
OWN_HOME = CHECKOUT / ".lakemint" / "test"
SERVERS = ("s3", "spark", "label-studio")
"""An idle Airflow takes a seventh of a processor: the tests that run one start it themselves."""


LONGEST = (
    "stack",
    "publish",
    "refine",
    "ingest",
    "airflow",
    "erase",
    "label",
    "kills",
    "splits",
    "increment",
    "direct",
    "clusters",
    "lineage",
    "mlflow",
    "model",
)
"""Files of tests that take minutes, longest first: no worker shall begin one when others end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=2, help="Seeds of each fault campaign.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `seed` is a campaign."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("seeds")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    names = [f"test_{name}.py" for name in LONGEST]
    items.sort(key=lambda item: names.index(item.path.name) if item.path.name in names else len(names))


def pytest_collection_finish() -> None:
    """All that was imported stays to the end: Python need not look through it again and again for garbage.

    Nor so often for that of tests, most of which make little and end soon.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Settings of a running stack, with a bucket for tests."""
    if "LAKEMINT_HOME" not in os.environ:
        os.environ["LAKEMINT_HOME"] = str(OWN_HOME)
        os.environ["LAKEMINT_SPARK_CONF"] = str(CHECKOUT / "tests" / "spark.conf")
        with FileLock(CHECKOUT / ".lakemint" / "test.lock"):
            USED.touch()
            subprocess.run([LAKEMINT, "up", *SERVERS], check=True, cwd=CHECKOUT)
    config = load_config()
    with FileLock(tmp_path_factory.getbasetemp().parent / "bucket.lock"):
        client = s3_client(config)
        if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=BUCKET)
    return config


@pytest.fixture
def config(stack: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings with an empty lake of the test's own; child processes see it too."""
    lake = f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("LAKEMINT_LAKE", lake)
    monkeypatch.setenv("LAKEMINT_S3_ENDPOINT", stack.s3_endpoint)
    return replace(stack, lake=lake)


@pytest.fixture
def store(config: Config) -> Store:
    return open_store(config)


@pytest.fixture(scope="session")
def spark(stack: Config) -> "Iterator[SparkSession]":
    from lakemint.spark import spark_session

    with spark_session(stack) as session:
        yield session


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The last one out stops the stack that the tests started."""
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and USED.exists() and "LAKEMINT_KEEP_STACK" not in os.environ:
        USED.unlink()
        subprocess.run([LAKEMINT, "down"], check=False, env={**os.environ, "LAKEMINT_HOME": str(OWN_HOME)})
