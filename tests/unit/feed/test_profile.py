"""The profile of loading: which stage takes how long, and what to do about it."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import lakemint
from lakemint.cli import build
from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays
from lakemint.feed.profile import STAGES, profile
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = config_of(tmp_path)
    publish(config, [row(index) for index in range(64)])
    return config


def slow(batch: Arrays, seeds: NDArray[np.uint64]) -> Arrays:
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        pass
    return batch


def test_the_stage_that_takes_longest_is_named_with_a_way_out(config: Config) -> None:
    split = lakemint.open("notes@1", split="train", config=config)
    found = profile(split, 8, seconds=0.2, transform=slow)
    assert found.longest == "transform"
    assert "threads" in found.advice
    assert found.seconds["loop"] == 0
    looped = profile(split, 8, seconds=0.2, loop=lambda batch: slow(batch, np.zeros(0, np.uint64)))
    assert looped.longest == "loop"
    assert {*looped.seconds} == {*STAGES}


def test_all_examples_are_counted_and_each_is_loaded_as_the_loader_does(config: Config) -> None:
    seen: list[str] = []
    split = lakemint.open("notes@1", split="train", config=config)
    found = profile(
        split, 10, seconds=0.001, columns=["sample_id"], loop=lambda b: seen.extend(b["sample_id"])
    )
    assert found.examples >= 10
    wanted = [one for batch in split.loader(10, columns=["sample_id"]) for one in batch["sample_id"]]
    assert seen[: found.examples][:64] == wanted[: found.examples]
    assert found.bytes > 0
    assert found.loader > 0


def test_a_user_is_shown_shares_and_rates(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakemint.config.load_config", lambda: config)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(build(), ["feed", "profile", "notes@1", "--seconds", "0.1", *arguments])

    shown = run("--cold")
    assert shown.exit_code == 0, shown.output
    for part in ("notes@1/train: ", "examples/s", "fetch", "gather", "the loader, ahead of the loop"):
        assert part in shown.output
    told = json.loads(run("--json", "--column", "text").output)
    assert {*told["seconds"]} == {*STAGES}
    wrong = run("--column", "colour")
    assert wrong.exit_code != 0
    assert isinstance(wrong.exception, LakemintError)
    assert "there is no column 'colour'" in str(wrong.exception)


def test_an_empty_split_is_told(config: Config) -> None:
    with pytest.raises(LakemintError, match="notes@1/test has no examples"):
        profile(lakemint.open("notes@1", split="test", config=config))
