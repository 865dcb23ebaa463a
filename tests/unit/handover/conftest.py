"""A small version, and a home for trainings on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakemint.config import Config
from tests.unit.small_version import publish, row, settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Its trainings read the same settings from their environment."""
    config = replace(settings(tmp_path), home=tmp_path / "home")
    publish(config, [row(index) for index in range(20)])
    for name, value in (("LAKE", config.lake), ("CACHE", config.cache), ("HOME", str(config.home))):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    return config
