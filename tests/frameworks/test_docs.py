"""What the guide shows, run as it stands there."""

import json
import socket
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from transformers import Trainer, TrainerCallback, TrainingArguments

import lakemint
from lakemint.feed import Split
from lakemint.feed.torch import Batches
from tests.frameworks.test_trainers import FaceModel, LightModel, prepared
from tests.support import CHECKOUT
from tests.unit.small_version import COLUMNS, publish, row, settings

ROWS, EPOCHS, BATCH = 600, 3, 8
NAMES: dict[str, Any] = {
    **{one.__name__: one for one in (Path, Batches, ModelCheckpoint, Trainer, TrainerCallback)},
    **{"TrainingArguments": TrainingArguments, "json": json, "torch": torch, "lightning": lightning},
    **{"jax": jax, "jnp": jax.numpy, "lakemint": lakemint},
}


def run(holding: str, **given: Any) -> dict[str, Any]:
    """The names that there are after the one block of the guide's section that holds these words."""
    guide = (CHECKOUT / "docs" / "ml-engineer.md").read_text()
    section = guide.split("## With PyTorch, JAX or TensorFlow\n")[1].split("\n## ")[0]
    (block,) = (one for one in section.split("```python\n")[1:] if holding in one.split("```")[0])
    names = {**NAMES, **given}
    exec(compile(block.split("```")[0], f"docs: {holding}", "exec"), names)  # noqa: S102
    return names


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Split:
    monkeypatch.chdir(tmp_path)
    tokens, config = np.arange(8, dtype=np.uint16).tobytes(), settings(tmp_path)
    publish(config, [row(index, tokens=tokens) for index in range(ROWS)], (*COLUMNS, ("tokens", "binary")))
    return lakemint.open("notes@1", split="train", config=config)


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set")
def test_pytorch(train: Split) -> None:
    found = run("pin_memory=True", train=train)
    assert found["batches"].state_dict()["epoch"] == EPOCHS
    assert isinstance(found["batch"]["stars"], torch.Tensor)


def test_torchrun(train: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, str(value))
    given = {"train": train, "model": torch.nn.Linear(1, 1), "path": tmp_path / "last.pt"}
    for _ in range(2):  # the second time it goes on from the file
        try:
            found = run("init_process_group", **given)
        finally:
            torch.distributed.destroy_process_group()
        assert found["batches"].state_dict()["epoch"] == EPOCHS
    assert found["saved"]["data"] == found["batches"].state_dict()


def test_lightning(train: Split, tmp_path: Path) -> None:
    model = LightModel()
    run("lightning.Trainer", model=model, batches=Batches(train.loader(BATCH, seed=7, transform=prepared)))
    assert len(model.losses) == EPOCHS * ROWS // BATCH
    assert (tmp_path / "checkpoints" / "last.ckpt").exists()


def test_hugging_face(train: Split, tmp_path: Path) -> None:
    batches = Batches(train.loader(BATCH, seed=7, transform=prepared))
    run("FeedTrainer", model=FaceModel(), batches=batches, output_dir=tmp_path / "out")
    (last,) = (tmp_path / "out").glob(f"checkpoint-{EPOCHS * ROWS // BATCH}/data.json")
    assert json.loads(last.read_text()) == batches.state_dict()


def test_tensorflow(train: Split) -> None:
    loader = train.loader(256, seed=7)
    run("lakemint.feed.tensorflow", loader=loader)
    assert loader.state_dict()["epoch"] == 1


def test_jax(train: Split) -> None:
    found = run("jax.jit", train=train)
    assert found["mean"](found["batch"]) == np.arange(8).mean()
