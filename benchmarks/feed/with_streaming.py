"""MosaicML Streaming: MDS shards on the local disk, its own shuffle, PyTorch's loader."""

from pathlib import Path
from typing import Any

import samples
import task
from streaming import MDSWriter, StreamingDataset
from torch.utils.data import DataLoader


def prepare(kind: str, source: Path, folder: Path) -> None:
    columns = {"sample_id": "str", "value": "str" if kind == "text" else "bytes"}
    with MDSWriter(out=str(folder / "data"), columns=columns) as writer:
        for batch in samples.read(source, kind).to_batches(1024):
            for row in batch.to_pylist():
                writer.write(row)


class Samples(StreamingDataset):
    """As training wants them."""

    kind = ""

    def __getitem__(self, at: int) -> Any:
        return task.array(self.kind, super().__getitem__(at)["value"])


def load(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    data = Samples(local=str(folder / "data"), shuffle=True, batch_size=samples.BATCH)
    data.kind = kind
    loader = DataLoader(
        data,
        samples.BATCH,
        num_workers=workers,
        persistent_workers=bool(workers),
        collate_fn=task.Collate(kind),
    )
    return task.loaded(kind, lambda epoch: loader)


if __name__ == "__main__":
    task.main(prepare, load)
