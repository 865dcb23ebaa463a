"""Ranks killed at any moment and gone on with by others: one order, none lost, none twice.

All are real processes, and so are the DataLoader workers that they read with. What a checkpoint would say is
the state after the last step that every rank finished.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.feed import Split
from lakemint.feed.torch import Batches
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

ROWS, EPOCHS = 240, 2
CREWS = [(world, workers) for world in (1, 2, 3, 4, 8) for workers in (0, 1, 3)]
FORK = multiprocessing.get_context("fork")

Record = Callable[[str, object], None]
Line = tuple[list[str], dict[str, Any]]
"""What a rank had in a step, and its state then."""


@dataclass(frozen=True)
class Life:
    """Ranks that begin together where others were, and die together."""

    config: Config
    seed: int
    state: dict[str, Any]
    world: int
    workers: int
    batch_size: int
    most: tuple[int, ...]
    """After how many steps each stands still; none where they live to the end."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = config_of(tmp_path_factory.mktemp("feed"))
    publish(config, [row(index, bucket=index % 7) for index in range(ROWS)])
    return config


@pytest.mark.parametrize("crew", CREWS, ids=lambda crew: f"{crew[0]} ranks x {crew[1]} workers")
def test_killed_ranks_lose_and_repeat_nothing(
    config: Config, tmp_path: Path, record_property: Record, seed: int, crew: tuple[int, int]
) -> None:
    chance = random.Random(f"{seed} {crew}")  # noqa: S311
    taken, state = list[str](), dict[str, Any]()
    others = chance.choices(CREWS, k=chance.randint(1, 2))
    for number, (world, workers) in enumerate([crew, *others]):
        batch_size, is_last = chance.randint(1, 24), number == len(others)
        steps = 0 if is_last else chance.randint(1, max(1, ROWS // (batch_size * world)))
        left = steps_left(state, batch_size * world)
        most = tuple(min(left, steps + chance.randint(0, 3)) for _ in range(world) if not is_last)
        life = Life(config, seed, state, world, workers, batch_size, most)
        for step in zip(*lived(life, tmp_path / str(number), chance), strict=is_last):
            taken += [sample for had, _ in step for sample in had]
            state = step[0][1]
            assert [one for _, one in step] == [state] * world
    alone = split_of(config).loader(ROWS, seed=seed, window=3, rank=0, world=1)
    assert taken == [one for _ in range(EPOCHS) for batch in alone for one in batch["sample_id"]]
    assert state == alone.state_dict()
    record_property("cases", 1)
    record_property("cases that began with worker processes", int(crew[1] > 0))
    record_property("groups of ranks killed", len(others))


def steps_left(state: dict[str, Any], step: int) -> int:
    """To the end of the last epoch, of so many examples each."""
    first, position = state.get("epoch", 0), state.get("position", 0)
    return sum(-(-(ROWS - (position if epoch == first else 0)) // step) for epoch in range(first, EPOCHS))


def lived(life: Life, folder: Path, chance: random.Random) -> list[list[Line]]:
    """What each rank wrote of the steps it finished, until it was killed or at the end."""
    folder.mkdir()
    logs = [folder / f"{rank}.jsonl" for rank in range(life.world)]
    ranks = [FORK.Process(target=train, args=(life, rank, log)) for rank, log in enumerate(logs)]
    for rank in ranks:
        rank.start()
    if life.most:
        most, deadline = sum(life.most), time.monotonic() + 60
        enough = chance.randint(min(1, most), most)
        while sum(len(lines_of(log)) for log in logs) < enough:
            assert time.monotonic() < deadline, "no rank goes on"
            time.sleep(0.002)
        for rank in chance.sample(ranks, len(ranks)):
            assert rank.pid
            os.kill(rank.pid, signal.SIGKILL)
    for rank in ranks:
        rank.join()  # with a time limit it would wait for the orphaned workers, too: they notice in 5 s
        assert rank.exitcode == (-signal.SIGKILL if life.most else 0)
        with suppress(ProcessLookupError, PermissionError):
            # A worker whose rank dies while it begins takes its next parent for the rank, and waits for ever.
            assert rank.pid
            os.killpg(rank.pid, signal.SIGKILL)
    return [lines_of(log) for log in logs]


def lines_of(log: Path) -> list[Line]:
    """Those that were written whole."""
    text = log.read_text() if log.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def train(life: Life, rank: int, log: Path) -> None:
    """What a training process does: it reads, and writes down what it has had."""
    os.setpgrp()
    loader = split_of(life.config).loader(
        life.batch_size, seed=life.seed, window=3, rank=rank, world=life.world
    )
    batches = Batches(loader, num_workers=life.workers)
    if life.state:
        batches.load_state_dict(life.state)
    made = 0
    with log.open("w", buffering=1) as file:
        while batches.state_dict()["epoch"] < EPOCHS:
            for batch in batches:
                file.write(json.dumps([batch["sample_id"], batches.state_dict()]) + "\n")
                made += 1
                if life.most and made >= life.most[rank]:
                    signal.pause()
    if life.most:
        signal.pause()


def split_of(config: Config) -> Split:
    return lakemint.open("notes@1", split="train", config=config)
