"""LitData: its chunks on the local disk, its own shuffle and loader."""

from functools import partial
from pathlib import Path
from typing import Any

import litdata
import samples
import task


def prepare(kind: str, source: Path, folder: Path) -> None:
    values = samples.read(source, kind).column("value")
    litdata.optimize(
        fn=partial(_made, values),
        inputs=list(range(len(values))),
        output_dir=str(folder / "data"),
        chunk_bytes="64MB",
        num_workers=1,
    )


def _made(values: Any, at: int) -> Any:
    return values[at].as_py()


class Samples(litdata.StreamingDataset):
    """As training wants them."""

    kind = ""

    def __getitem__(self, at: Any) -> Any:
        return task.array(self.kind, super().__getitem__(at))


def load(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    data = Samples(str(folder / "data"), shuffle=True)
    data.kind = kind
    loader = litdata.StreamingDataLoader(
        data,
        batch_size=samples.BATCH,
        num_workers=workers,
        persistent_workers=bool(workers),
        collate_fn=task.Collate(kind),
    )
    return task.loaded(kind, lambda epoch: loader)


if __name__ == "__main__":
    task.main(prepare, load)
