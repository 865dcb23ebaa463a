"""A training under torchrun, whose rank is killed: the loss goes on as if nothing had been."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lakemint
from lakemint.config import Config
from tests.support import CHECKOUT
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

WORLD, EPOCHS, DIES, KEPT = 4, 3, 15, 12
"""Ranks, epochs, the step in which one dies, and the last checkpoint before."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return published(tmp_path_factory.mktemp("lake"))


def published(folder: Path) -> Config:
    """Lines of text, of several documents."""
    config = config_of(folder)
    pages = [page.read_text().splitlines() for page in sorted((CHECKOUT / "docs").glob("*.md"))]
    lines = [(number, line) for number, page in enumerate(pages) for line in [*filter(None, page)][:75]]
    publish(config, [row(index, text=line, stars=number) for index, (number, line) in enumerate(lines)])
    return config


def torchrun(config: Config, world: int, *folders: Path, **variables: str) -> tuple[int, str]:
    """Exit status, and what it said."""
    own = {"LAKEMINT_LAKE": config.lake, "LAKEMINT_CACHE": config.cache, "OMP_NUM_THREADS": "1"}
    program = Path(__file__).with_name("train.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
    done = subprocess.run(
        [*command, str(program), *map(str, folders)],
        env={**os.environ, **own, **variables},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def steps(folder: Path, first: int = 1, last: int | None = None) -> list[tuple[float, list[str]]]:
    """Of each step that all ranks finished: the loss, and their samples in the ranks' order."""
    logs = [log.read_text().splitlines() for log in sorted(folder.glob("*.jsonl"))]
    ranks = [map(json.loads, lines if last is None else lines[: last - first + 1]) for lines in logs]
    found = []
    for number, step in enumerate(zip(*ranks, strict=True), start=first):
        assert {line["step"] for line in step} == {number}
        assert len({line["loss"] for line in step}) == 1
        found.append((step[0]["loss"], [one for line in step for one in line["ids"]]))
    return found


def samples(steps: list[tuple[float, list[str]]]) -> list[str]:
    return [one for _, had in steps for one in had]


def test_killed_and_resumed_it_is_the_same_training(config: Config, tmp_path: Path) -> None:
    whole, killed, fewer = (tmp_path / name for name in ("whole", "killed", "fewer"))
    for folder in (whole, killed, fewer):
        folder.mkdir()
    status, said = torchrun(config, WORLD, whole, killed, DIE_AT=str(DIES))
    assert status and "Signal 9 (SIGKILL)" in said, said
    undisturbed, losses = steps(whole), [loss for loss, _ in steps(whole)]
    assert losses[-1] < 0.7 * losses[0], "it learns nothing"
    loader = lakemint.open("notes@1", split="train", config=config).loader(seed=7, rank=0, world=1)
    order = [one for _ in range(EPOCHS) for batch in loader for one in batch["sample_id"]]
    assert samples(undisturbed) == order

    epoch = len(undisturbed) // EPOCHS
    assert epoch < KEPT < DIES < 2 * epoch, "it dies in the middle of the second epoch"
    assert steps(killed) == undisturbed[: DIES - 1]
    assert max(killed.glob("*.pt")).name == f"{KEPT:06d}.pt"
    shutil.copy(killed / f"{KEPT:06d}.pt", fewer)
    for log in killed.glob("*.jsonl"):
        log.unlink()
    for folder, world in ((killed, WORLD), (fewer, WORLD - 1)):
        status, said = torchrun(config, world, folder)
        assert status == 0, said
    assert steps(killed, KEPT + 1) == undisturbed[KEPT:]
    later = steps(fewer, KEPT + 1)
    assert samples(undisturbed[:KEPT] + later) == order
    assert later[-1][0] < 0.7 * losses[0]
