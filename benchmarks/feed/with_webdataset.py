"""WebDataset: tar files on the local disk, shards in random order and a buffer of samples to draw from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import samples
import task
import webdataset

_BUFFER = 5000
"""Samples to draw from: its documentation's figure."""


def prepare(kind: str, source: Path, folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    with webdataset.ShardWriter(str(folder / "data" / "%04d.tar"), maxsize=8e6, verbose=0) as writer:
        for batch in samples.read(source, kind).to_batches(1024):
            for row in batch.to_pylist():
                value = row["value"]
                data = value.encode() if kind == "text" else value
                writer.write({"__key__": row["sample_id"], "value": data})


def load(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    shards = sorted(str(path) for path in (folder / "data").iterdir())
    data = webdataset.WebDataset(shards, shardshuffle=len(shards), workersplitter=webdataset.split_by_worker)
    pipeline = data.shuffle(_BUFFER).map(Sample(kind)).batched(samples.BATCH, collation_fn=task.Collate(kind))
    if not workers:
        return task.loaded(kind, lambda epoch: pipeline)
    loader = webdataset.WebLoader(pipeline, batch_size=None, num_workers=workers, persistent_workers=True)
    return task.loaded(kind, lambda epoch: _each(loader))


def _each(loader: Any) -> Iterator[Any]:
    yield from loader


class Sample:
    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, sample: dict[str, Any]) -> Any:
        value = sample["value"]
        return value.decode() if self._kind == "text" else task.array(self._kind, value)


if __name__ == "__main__":
    task.main(prepare, load)
