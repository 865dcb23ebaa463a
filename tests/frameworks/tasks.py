"""What the trainings of the tests learn: which document a line is from, and the next token of a text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lakemint.feed.arrays import Arrays
from lakemint.feed.packing import POSITIONS, SEGMENTS, Packing

LINE, LENGTH, VOCABULARY, WIDTH, HEADS = 64, 128, 512, 32, 2
"""Bytes of a line; tokens of a row, kinds of tokens, numbers that stand for one, and heads of attention."""
PACKING = Packing("tokens", "uint16", LENGTH, rows=1)
"""A rank that has no sample in the last step of an epoch has a row of padding."""


@dataclass(frozen=True)
class Task:
    """A model and what it is given."""

    batch_size: int
    prepare: Callable[[Arrays, Any], dict[str, Any]]
    """A transform, done by the workers; `ids` of what it makes are those of the samples."""
    model: Callable[[], Any]
    loss: Callable[[Any, dict[str, Any]], tuple[Any, int]]
    """Of a batch: the sum, and of how many predictions."""
    learnt: float
    """What part of the first loss is left in the last epoch, at most."""


def _line(batch: Arrays, _seeds: Any) -> dict[str, Any]:
    """The text's first bytes as numbers."""
    texts = [text.encode()[:LINE].ljust(LINE) for text in batch["text"]]
    codes = np.frombuffer(b"".join(texts), np.uint8).astype(np.int64)
    return {"ids": batch["sample_id"], "x": codes.reshape(-1, LINE), "y": batch["stars"]}


def _line_loss(model: Any, batch: dict[str, Any]) -> tuple[Any, int]:
    return cross_entropy(model(batch["x"]), batch["y"], reduction="sum"), len(batch["ids"])


def _bag() -> Any:
    return torch.nn.Sequential(torch.nn.EmbeddingBag(256, 16), torch.nn.Linear(16, 8))


def _packed(batch: Arrays, seeds: Any) -> dict[str, Any]:
    packed = PACKING(batch, seeds)
    return {"ids": batch["sample_id"], **{name: one.astype(np.int64) for name, one in packed.items()}}


class Transformer(torch.nn.Module):  # type: ignore[misc]
    """Two small causal layers over packed rows: no token attends to another sample's."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = (torch.nn.Embedding(kinds, WIDTH) for kinds in (VOCABULARY, LENGTH))
        self.layers = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True)
            for _ in range(2)
        )
        self.head = torch.nn.Linear(WIDTH, VOCABULARY)

    def forward(self, batch: dict[str, Any]) -> Any:
        segments = batch[SEGMENTS]
        apart = segments[:, :, None] != segments[:, None, :]
        later = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
        found = self.tokens(batch["tokens"]) + self.places(batch[POSITIONS])
        for layer in self.layers:
            found = layer(found, (apart | later).repeat_interleave(HEADS, dim=0))
        return self.head(found)


def _next_loss(model: Any, batch: dict[str, Any]) -> tuple[Any, int]:
    """Of each token that another of its sample follows."""
    segments = batch[SEGMENTS]
    is_asked = (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] > 0)
    wanted = batch["tokens"][:, 1:]
    return cross_entropy(model(batch)[:, :-1][is_asked], wanted[is_asked], reduction="sum"), int(
        is_asked.sum()
    )


TASKS = {
    "lines": Task(8, _line, _bag, _line_loss, 0.8),
    "tokens": Task(2, _packed, Transformer, _next_loss, 0.9),
}
