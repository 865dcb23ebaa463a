"""Hugging Face `datasets`: a dataset on disk, and random batches of it by their indices.

That is what its documentation calls batched fetching, and PyTorch's loader does it by `__getitems__`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import samples
import task
from datasets import Dataset, load_from_disk


def prepare(kind: str, source: Path, folder: Path) -> None:
    Dataset.from_parquet(str(samples.source(source, kind)), cache_dir=str(folder / "cache")).save_to_disk(
        str(folder / "data")
    )


class Batches:
    """Each by the list of its indices."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind, self._data = kind, load_from_disk(str(folder / "data"))

    def __len__(self) -> int:
        return len(self._data)

    def __getitems__(self, indices: list[int]) -> Any:
        values = self._data[indices]["value"]
        return task.collated(self._kind, [task.array(self._kind, value) for value in values])


def load(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    data = Batches(kind, folder)
    if workers:
        from torch.utils.data import DataLoader

        loader = DataLoader(
            data,
            samples.BATCH,
            shuffle=True,
            num_workers=workers,
            persistent_workers=True,
            collate_fn=_as_it_is,
        )
        return task.loaded(kind, lambda epoch: loader)

    def epochs(epoch: int) -> Iterator[Any]:
        order = np.random.default_rng(epoch).permutation(len(data))
        for begin in range(0, len(order), samples.BATCH):
            yield data.__getitems__(order[begin : begin + samples.BATCH].tolist())

    return task.loaded(kind, epochs)


def _as_it_is(batch: Any) -> Any:
    return batch


if __name__ == "__main__":
    task.main(prepare, load)
