"""A training as torchrun starts it.

`train.py <task> <folder> …` trains once for each folder, which has its checkpoints and logs, and goes on from
its newest checkpoint. `DIE_AT`: the step of the last of them in whose middle a rank kills itself.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

import lakemint
from lakemint.feed.torch import Batches
from tests.frameworks.tasks import TASKS, Task

EPOCHS = 3


def update(weights: list[Any], speeds: list[Any]) -> None:
    """Gradient descent with momentum; torch's own optimizers take 2 s to be imported, in every rank."""
    with torch.no_grad():
        for weight, speed in zip(weights, speeds, strict=True):
            dist.all_reduce(weight.grad)
            speed.mul_(0.9).add_(weight.grad)
            weight.sub_(0.3 * speed)


def train(
    task: Task, folder: Path, split: lakemint.Split, run: lakemint.Run | None = None, die_at: int = 0
) -> None:
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    model = task.model()
    weights = [*model.parameters()]
    speeds = [torch.zeros_like(one) for one in weights]
    loader = split.loader(task.batch_size, seed=7, transform=task.prepare, run=run)
    batches, step = Batches(loader, num_workers=1), 0
    if checkpoints := sorted(folder.glob("*.pt")):
        saved = torch.load(checkpoints[-1], weights_only=True)
        model.load_state_dict(saved["model"])
        speeds = saved["speeds"]
        batches.load_state_dict(saved["data"])
        step = saved["step"]
    with (folder / f"{rank}.jsonl").open("a", buffering=1) as log:
        while batches.state_dict()["epoch"] < EPOCHS:
            for batch in batches:
                step += 1
                model.zero_grad()
                total, own = task.loss(model, batch)
                # Not all batches are of a size.
                dist.all_reduce(count := torch.tensor(own))
                loss = total / count
                loss.backward()
                if step == die_at and rank == world - 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                update(weights, speeds)
                dist.all_reduce(whole := loss.detach())
                log.write(json.dumps({"step": step, "loss": whole.item(), "ids": batch["ids"]}) + "\n")
                if step % 4 == 0 and rank == 0:
                    part = folder / "part"
                    content = {"model": model.state_dict(), "speeds": speeds, "step": step}
                    torch.save({**content, "data": batches.state_dict()}, part)
                    part.rename(folder / f"{step:06d}.pt")


def main(task: Task, folders: list[Path]) -> None:
    dist.init_process_group("gloo")
    split = lakemint.open("notes@1", split="train")
    for folder in folders:
        is_last = folder == folders[-1]
        train(task, folder, split, die_at=int(os.environ.get("DIE_AT", "0")) if is_last else 0)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(TASKS[sys.argv[1]], [Path(name) for name in sys.argv[2:]])
