"""A version handed over to torchrun, which is killed; handed over to fewer ranks, the training goes on."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import lakemint
from lakemint.config import HANDOVER
from lakemint.handover.begin import follow, hand_over
from lakemint.handover.training import Training
from lakemint.stack.processes import marked
from lakemint.store import open_store
from tests.frameworks.test_torchrun import EPOCHS, WORLD, lines, samples, steps
from tests.support import CHECKOUT
from tests.unit.small_version import settings

pytestmark = pytest.mark.timeout(300)


def agent(mark: str) -> psutil.Process:
    """The torchrun of that hand-over."""
    (found,) = (one for one in marked(HANDOVER, mark) if "torch.distributed.run" in one.cmdline()[:3])
    return found


def ranks(mark: str) -> list[psutil.Process]:
    """And what it started. Who watches it may still be there."""
    return [one for one in marked(HANDOVER, mark) if "lakemint.handover.watch" not in one.cmdline()]


def test_killed_it_goes_on_from_its_checkpoint_on_fewer_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = replace(settings(tmp_path), home=tmp_path / "home"), tmp_path / "exp-7"
    folder.mkdir()
    lines(config)
    monkeypatch.chdir(CHECKOUT)
    for name, value in (("LAKEMINT_CACHE", config.cache), ("OMP_NUM_THREADS", "1")):
        monkeypatch.setenv(name, value)
    training = Training(
        run="exp-7",
        program=(sys.executable, "-m", "tests.frameworks.handed"),
        launcher="torchrun",
        processes=WORLD,
        checkpoints=str(folder),
    )
    first = hand_over(config, "notes@1", training)
    mark, deadline = first.data().decode(), time.monotonic() + 120
    while not [*folder.glob("*.pt")]:
        assert time.monotonic() < deadline, next(follow(config, first))
        time.sleep(0.01)
    agent(mark).kill()
    *_, job = follow(config, first, timeout=60)
    assert (job.state, job.last_line) == ("failed", "killed by SIGKILL")
    assert ranks(mark) == [], "no rank is left that would write checkpoints"

    kept = int(max(folder.glob("*.pt")).stem)
    before = steps(folder, last=kept)
    for log in folder.glob("*.jsonl"):
        log.unlink()
    again = hand_over(config, "notes@1", replace(training, processes=WORLD - 1))
    assert (again.attempt, again.version, again.manifest) == (2, first.version, first.manifest)
    *_, job = follow(config, again, timeout=120)
    assert job.state == "succeeded", job
    loader = lakemint.open("notes@1", split="train", config=config).loader(seed=7, rank=0, world=1)
    order = [one for _ in range(EPOCHS) for batch in loader for one in batch["sample_id"]]
    assert samples(before + steps(folder, kept + 1)) == order
    receipts = [*open_store(config).list("published/notes/receipts/")]
    assert len(receipts) == 2, "one of each attempt, by its first rank"
