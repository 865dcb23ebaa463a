"""Trainings that Lightning and Hugging Face's Trainer run, cut short in mid-epoch and gone on with."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerCallback, TrainingArguments

import lakemint
from lakemint.feed import Split
from lakemint.feed.arrays import Arrays
from lakemint.feed.torch import Batches
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

ROWS, BATCH, EPOCHS, SAVED, STOPPED = 90, 8, 2, 15, 18
"""Of 24 steps in two epochs, the step of the checkpoint, and the one after which the training ends."""


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    config = config_of(tmp_path_factory.mktemp("feed"))
    publish(config, [row(index) for index in range(ROWS)])
    return lakemint.open("notes@1", split="train", config=config)


def prepared(batch: Arrays, _seeds: Any) -> Arrays:
    stars = batch["stars"]
    features = np.stack([stars % 2, stars % 3, stars % 5], axis=1)
    return {"x": features.astype(np.float32), "labels": stars % 2}


def batches(split: Split) -> Batches:
    return Batches(split.loader(BATCH, seed=5, window=2, transform=prepared), num_workers=1)


class Stop(Exception):
    pass


class LightModel(lightning.LightningModule):  # type: ignore[misc]
    def __init__(self, stop: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.stop, self.losses = torch.nn.Linear(3, 2), stop, list[float]()

    def training_step(self, batch: dict[str, Any], _index: int) -> Any:
        if self.stop and len(self.losses) == self.stop:
            raise Stop
        loss = cross_entropy(self.layer(batch["x"]), batch["labels"])
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def lit(split: Split, folder: Path, stop: int = 0, checkpoint: Path | None = None) -> list[float]:
    """The losses of the training that Lightning runs."""
    model = LightModel(stop)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(folder, "{step}", every_n_train_steps=SAVED, save_top_k=-1)],
    )
    try:
        trainer.fit(model, batches(split), ckpt_path=checkpoint, weights_only=True)
    except Stop:
        assert stop
    return model.losses


def test_lightning_goes_on_where_its_checkpoint_was(split: Split, tmp_path: Path) -> None:
    whole = lit(split, tmp_path / "whole")
    assert len(whole) == 24 == len({*whole})
    assert lit(split, tmp_path / "cut", STOPPED) == whole[:STOPPED]
    (checkpoint,) = (tmp_path / "cut").iterdir()
    assert lit(split, tmp_path / "rest", checkpoint=checkpoint) == whole[SAVED:]


class FaceModel(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x: Any, labels: Any) -> dict[str, Any]:
        logits = self.layer(x)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


class FeedTrainer(Trainer):  # type: ignore[misc]
    def get_train_dataloader(self) -> Batches:
        return cast("Batches", self.train_dataset)


class FeedState(TrainerCallback):  # type: ignore[misc]
    """The state is a file of each checkpoint, as the guide has it."""

    def __init__(self, read: Batches) -> None:
        self._read = read

    def on_save(self, arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        self._path(arguments, state).write_text(json.dumps(self._read.state_dict()))

    def on_train_begin(self, arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step:
            self._read.load_state_dict(json.loads(self._path(arguments, state).read_text()))

    @staticmethod
    def _path(arguments: Any, state: Any) -> Path:
        return Path(arguments.output_dir, f"checkpoint-{state.global_step}", "data.json")


class StopAt(TrainerCallback):  # type: ignore[misc]
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, _arguments: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self._step


def faced(split: Split, folder: Path, stop: int = 0, checkpoint: Path | None = None) -> list[float]:
    """The losses of the training that Hugging Face's Trainer runs."""
    settings = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=EPOCHS,
        learning_rate=0.01,
        logging_steps=1,
        save_steps=SAVED,
        ignore_data_skip=True,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )
    read = batches(split)
    callbacks = [FeedState(read), StopAt(stop)]
    trainer = FeedTrainer(FaceModel(), settings, train_dataset=read, callbacks=callbacks)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def test_hugging_faces_trainer_goes_on_where_its_checkpoint_was(split: Split, tmp_path: Path) -> None:
    whole = faced(split, tmp_path / "whole")
    assert len(whole) == 24 == len({*whole})
    cut = tmp_path / "cut"
    assert faced(split, cut, STOPPED) == whole[:STOPPED]
    assert faced(split, cut, checkpoint=cut / f"checkpoint-{SAVED}") == whole
