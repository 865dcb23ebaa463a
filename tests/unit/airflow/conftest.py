"""Airflow, imported for tests, gets a folder of its own before anything else."""

import os
import shutil
import tempfile

import pytest

HOME = tempfile.mkdtemp(prefix="airflow-unit-")
os.environ["AIRFLOW_HOME"] = HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)
