"""What a peer's script does: `<script> prepare <kind> <samples> <folder>` makes its own files once, and
`<script> load <kind> <samples> <folder> <workers>` loads two shuffled epochs in batches of 256, the first so
that caches are warm, and prints as JSON the `seconds` of the second, its `samples`, and their `sum`.

A batch is a list of strings or bytes, or an array: (256, 2048) uint16, or (256, 224, 224, 3) uint8.
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

ARRAYS: Final = ("tokens", "decoded images")
"""Kinds whose batches are arrays."""


def decoded(data: Any) -> np.ndarray:
    """An image's pixels."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)))


def array(kind: str, value: Any) -> Any:
    """A sample as training wants it."""
    if kind == "tokens":
        return np.frombuffer(value, np.uint16)
    return decoded(value) if kind == "decoded images" else value


def collated(kind: str, values: list[Any]) -> Any:
    return np.stack(values) if kind in ARRAYS else values


class Collate:
    """The same, as workers can be given it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, values: list[Any]) -> Any:
        return collated(self._kind, values)


def loaded(kind: str, epochs: Callable[[int], Iterable[Any]]) -> dict[str, Any]:
    """Loads two epochs; `epochs(n)` gives the batches of one."""
    for epoch in range(2):
        began, samples, total = time.perf_counter(), 0, 0
        for batch in epochs(epoch):
            samples += len(batch)
            total += _touched(kind, batch)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "samples": samples, "sum": total}


def _touched(kind: str, batch: Any) -> int:
    """Something that follows from each sample, whatever their order, and costs next to nothing."""
    if kind in ARRAYS:
        return int(np.asarray(batch).reshape(len(batch), -1)[:, 0].sum(dtype=np.int64))
    return sum(map(len, batch))


Prepare = Callable[[str, Path, Path], None]
Load = Callable[[str, Path, int], dict[str, Any]]


def main(prepare: Prepare, load: Load) -> None:
    what, kind, samples, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    if what == "prepare":
        prepare(kind, samples, folder)
    else:
        print(json.dumps(load(kind, folder, int(sys.argv[5]))))
