"""A training as torchrun starts it: which document a line of text is from, by its bytes.

`train.py <folder> …` trains once for each folder, which has its checkpoints and logs, and goes on from the
newest checkpoint. `DIE_AT`: the step of the last of them in whose middle a rank kills itself.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy

import lakemint
from lakemint.feed.arrays import Arrays
from lakemint.feed.torch import Batches

EPOCHS, LENGTH, BATCH = 3, 64, 8


def prepared(batch: Arrays, _seeds: Any) -> dict[str, Any]:
    """Done by the workers: the text's first bytes as numbers."""
    texts = [text.encode()[:LENGTH].ljust(LENGTH) for text in batch["text"]]
    codes = np.frombuffer(b"".join(texts), np.uint8).astype(np.int64)
    return {"ids": batch["sample_id"], "x": codes.reshape(-1, LENGTH), "y": batch["stars"]}


def update(weights: list[Any], speeds: list[Any]) -> None:
    """Gradient descent with momentum; torch's own optimizers take 2 s to be imported, in every rank."""
    with torch.no_grad():
        for weight, speed in zip(weights, speeds, strict=True):
            dist.all_reduce(weight.grad)
            speed.mul_(0.9).add_(weight.grad)
            weight.sub_(0.3 * speed)


def train(folder: Path, split: lakemint.Split, run: lakemint.Run | None = None, die_at: int = 0) -> None:
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.EmbeddingBag(256, 16), torch.nn.Linear(16, 8))
    weights = [*model.parameters()]
    speeds = [torch.zeros_like(one) for one in weights]
    batches, step = Batches(split.loader(BATCH, seed=7, transform=prepared, run=run), num_workers=1), 0
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
                count = torch.tensor(len(batch["ids"]))
                dist.all_reduce(count)
                model.zero_grad()
                # Of the last batches of an epoch not all are of a size.
                loss = cross_entropy(model(batch["x"]), batch["y"], reduction="sum") / count
                loss.backward()
                if step == die_at and rank == world - 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                update(weights, speeds)
                dist.all_reduce(total := loss.detach())
                log.write(json.dumps({"step": step, "loss": total.item(), "ids": batch["ids"]}) + "\n")
                if step % 4 == 0 and rank == 0:
                    part = folder / "part"
                    content = {"model": model.state_dict(), "speeds": speeds, "step": step}
                    torch.save({**content, "data": batches.state_dict()}, part)
                    part.rename(folder / f"{step:06d}.pt")


def main(folders: list[Path]) -> None:
    dist.init_process_group("gloo")
    split = lakemint.open("notes@1", split="train")
    for folder in folders:
        train(folder, split, die_at=int(os.environ.get("DIE_AT", "0")) if folder == folders[-1] else 0)
    dist.destroy_process_group()


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
