"""A training under torchrun, whose rank is killed: the loss goes on as if nothing had been."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
import tokenizers

import lakemint
from lakemint.config import Config
from tests.frameworks.tasks import TASKS, VOCABULARY
from tests.support import CHECKOUT
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

WORLD, EPOCHS, DIES, KEPT = 4, 3, 15, 12
"""Ranks, epochs, the step in which one dies, and the last checkpoint before."""

pytestmark = pytest.mark.timeout(300)


def lines(config: Config) -> None:
    """Of several documents."""
    pages = [page.read_text().splitlines() for page in sorted((CHECKOUT / "docs").glob("*.md"))]
    found = [(number, line) for number, page in enumerate(pages) for line in [*filter(None, page)][:75]]
    publish(config, [row(index, text=line, stars=number) for index, (number, line) in enumerate(found)])


def tokens(config: Config) -> None:
    """Of texts that are installed with NumPy, of very different lengths."""
    files = sorted(Path(np.__file__).parent.glob("*/*.py"))
    texts = [file.read_text()[:3000] for file in files if file.stat().st_size > 200][:75]
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, VOCABULARY)
    found = [np.array(tokenizer.encode(text).ids, np.uint16).tobytes() for text in texts]
    rows = [row(index, tokens=one) for index, one in enumerate(found)]
    publish(config, rows, (("sample_id", "string"), ("tokens", "binary")))


CORPORA = {"lines": lines, "tokens": tokens}


def torchrun(task: str, config: Config, world: int, *folders: Path, **variables: str) -> tuple[int, str]:
    """Exit status, and what it said."""
    own = {
        "PYTHONPATH": str(CHECKOUT),
        "LAKEMINT_LAKE": config.lake,
        "LAKEMINT_CACHE": config.cache,
        "OMP_NUM_THREADS": "1",
    }
    program = Path(__file__).with_name("train.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
    done = subprocess.run(
        [*command, str(program), task, *map(str, folders)],
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


@pytest.mark.parametrize("task", CORPORA)
def test_killed_and_resumed_it_is_the_same_training(tmp_path: Path, task: str) -> None:
    config = config_of(tmp_path)
    CORPORA[task](config)
    whole, killed, fewer = (tmp_path / name for name in ("whole", "killed", "fewer"))
    for folder in (whole, killed, fewer):
        folder.mkdir()
    status, said = torchrun(task, config, WORLD, whole, killed, DIE_AT=str(DIES))
    assert status and "Signal 9 (SIGKILL)" in said, said
    undisturbed, losses = steps(whole), [loss for loss, _ in steps(whole)]
    epoch = len(undisturbed) // EPOCHS
    learnt = TASKS[task].learnt * losses[0]
    assert mean(losses[-epoch:]) < learnt, "it learns nothing"
    loader = lakemint.open("notes@1", split="train", config=config).loader(seed=7, rank=0, world=1)
    order = [one for _ in range(EPOCHS) for batch in loader for one in batch["sample_id"]]
    assert samples(undisturbed) == order

    assert epoch < KEPT < DIES < 2 * epoch, "it dies in the middle of the second epoch"
    assert steps(killed) == undisturbed[: DIES - 1]
    assert max(killed.glob("*.pt")).name == f"{KEPT:06d}.pt"
    shutil.copy(killed / f"{KEPT:06d}.pt", fewer)
    for log in killed.glob("*.jsonl"):
        log.unlink()
    for folder, world in ((killed, WORLD), (fewer, WORLD - 1)):
        status, said = torchrun(task, config, world, folder)
        assert status == 0, said
    assert steps(killed, KEPT + 1) == undisturbed[KEPT:]
    later = steps(fewer, KEPT + 1)
    assert samples(undisturbed[:KEPT] + later) == order
    assert mean(loss for loss, _ in later[-epoch:]) < learnt
