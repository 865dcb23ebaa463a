"""Lance: a dataset on the local disk, and random batches of it by their row numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lance
import numpy as np
import samples
import task


def prepare(kind: str, source: Path, folder: Path) -> None:
    lance.write_dataset(samples.read(source, kind), str(folder / "data"))


class Batches:
    """Each by the list of its row numbers; opened where it is read, also in a worker."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind, self._folder, self._data = kind, str(folder / "data"), None
        self._rows = lance.dataset(self._folder).count_rows()

    def __len__(self) -> int:
        return int(self._rows)

    def __getitems__(self, indices: list[int]) -> Any:
        self._data = self._data or lance.dataset(self._folder)
        values = self._data.take(indices, columns=["value"]).column("value").to_pylist()
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
            multiprocessing_context="spawn",
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
