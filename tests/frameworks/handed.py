"""The training of `train.py`, by what was handed over to it."""

from pathlib import Path

import torch.distributed as dist

import lakemint
from tests.frameworks.tasks import TASKS
from tests.frameworks.train import train


def main() -> None:
    handed = lakemint.handed_over()
    dist.init_process_group("gloo")
    with handed.run(model=handed.checkpoints) as run:
        train(TASKS["lines"], Path(handed.checkpoints), handed.open()["train"], run)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
