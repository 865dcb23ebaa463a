"""A loader's batches for PyTorch: tensors, made by worker processes, with a state that none of them has.

A worker of torch's DataLoader that held a loader would read ahead of the training, in a copy of its own:
which of its batches were trained on, and which epoch it is, only the training's process knows. So all state
stays there. It tells the workers places in the order, and what a worker makes follows from the place alone.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, get_worker_info

from lakemint.errors import LakemintError
from lakemint.feed.loader import Loader
from lakemint.feed.mixture import Mixture
from lakemint.feed.numbers import numbers
from lakemint.feed.walk import Place, Reader


def tensors(batch: Any) -> Any:
    """Of a dict of arrays: numbers as a tensor on the same memory, text and bytes as a list.

    What a transform made beside arrays stays what it is. Raises as `feed.numbers.numbers`, which tells what
    becomes of dates and times.
    """
    if not isinstance(batch, Mapping):
        return batch
    return {name: _tensor(name, values) for name, values in batch.items()}


class Batches(IterableDataset):  # type: ignore[misc]  # torch is not there when types are checked
    """What a loader or a mixture hands out, as tensors; text and bytes as lists.

        batches = Batches(train.loader(256, seed=7, transform=decode), num_workers=2, pin_memory=True)

    `options` are those of `torch.utils.data.DataLoader`. Without `num_workers` the loader's threads read and
    transform; worker processes share that work when it is heavy Python. The batches and their order are the
    same for any number of them. Use it as the loader itself; as Lightning's dataloader or what a Hugging Face
    Trainer's `get_train_dataloader` returns; or in a DataLoader or torchdata `StatefulDataLoader` with
    `batch_size=None`. Raises LakemintError when such a one reads it in workers, and as `tensors`.
    """

    def __init__(self, loader: Loader | Mixture, **options: Any) -> None:
        self._loader = loader
        has_workers = options.get("num_workers", 0) > 0
        parts = {"sampler": _Places(loader)} if has_workers else {}
        source = _Parts(loader.reader()) if has_workers else _Steps(loader)
        made = DataLoader(source, batch_size=None, collate_fn=_unchanged, **parts, **options)
        method = (made.multiprocessing_context or multiprocessing).get_start_method()
        made.worker_init_fn = partial(_begin, method, made.worker_init_fn)
        self._batches = made

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self._loader)  # type: ignore[arg-type]  # a mixture has no epochs, and no length

    def __iter__(self) -> Iterator[Any]:
        if get_worker_info() is not None:
            raise LakemintError(
                "a DataLoader's worker has these batches, and what it reads ahead would count as trained on: "
                "give num_workers to Batches, and to the DataLoader around it none"
            )
        if self._batches.num_workers:
            yield from self._loader.told(one for part in self._batches for one in part)
        else:
            yield from self._batches

    def state_dict(self) -> dict[str, Any]:
        """The loader's: of the batches that were handed out, not of those read ahead."""
        return self._loader.state_dict()

    def metrics(self) -> dict[str, float]:
        """The loader's: whether the training waits for its batches."""
        return self._loader.metrics()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on there, with any number of workers; raises as the loader does."""
        self._loader.load_state_dict(state)


class _Steps(IterableDataset):  # type: ignore[misc]
    """The loader's own batches, in its process."""

    def __init__(self, loader: Loader | Mixture) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Any]:
        return map(tensors, self._loader)


class _Places(Sampler):  # type: ignore[misc]
    """The places of the rest of an epoch, told to the workers ahead."""

    def __init__(self, loader: Loader | Mixture) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Place]:
        return self._loader.places()


class _Parts(Dataset):  # type: ignore[misc]
    """Place → its batches: what a worker has."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getitem__(self, place: Place) -> list[tuple[int, Any]]:
        return [(position, tensors(batch)) for position, batch in self._reader(place)]


def _begin(method: str, init: Callable[[int], None] | None, worker: int) -> None:
    """In a worker. One whose rank died before it began would take its next parent for the rank, and stay."""
    rank = multiprocessing.parent_process()
    # Where all are forked by a server, that is their parent.
    if rank and (not rank.is_alive() if method == "forkserver" else os.getppid() != rank.pid):
        os._exit(1)
    if init:
        init(worker)


def _unchanged(batch: Any) -> Any:
    return batch


def _tensor(name: str, values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    found = numbers(name, values)
    if found is None:
        return values.tolist()
    return torch.from_numpy(found if found.flags.writeable else found.copy())
