"""Lakemint: a version published into a local folder by the platform's own code, and the feed's loader.

Workers are threads here. The limit beside it is Arrow's `take` of random batches from all samples in memory,
in one chunk, and what a batch then needs to be what training wants.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import lakemint
from lakemint.config import Config

sys.path.insert(0, str(Path(__file__).parent))  # as in the peers' environments

import samples
import task

from lakemint.feed.arrays import Arrays, arrays_of, numbers_in

_SHARD = 16 * 1024 * 1024
"""Bytes of a shard, or so."""


def prepare(kind: str, source: Path, folder: Path) -> None:
    from tests.unit import small_version

    table = samples.read(source, kind)
    buckets = max(1, table.nbytes // _SHARD)
    rows = (
        {"split": "train", "bucket": int(row["sample_id"], 16) % buckets, **row} for row in table.to_pylist()
    )
    columns = tuple((field.name, str(field.type)) for field in table.schema)
    small_version.publish(_config(folder), rows, columns)


def load(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    split = lakemint.open("notes@1", split="train", config=_config(folder))
    loader = split.loader(
        samples.BATCH,
        columns=["value"],
        numbers=_numbers(kind),
        transform=_pixels if kind == "decoded images" else None,
        threads=workers,
    )
    return task.loaded(kind, lambda epoch: (batch["value"] for batch in loader))


def limit(kind: str, folder: Path, workers: int) -> dict[str, Any]:
    whole = lakemint.open("notes@1", split="train", config=_config(folder)).to_table().select(["value"])
    rows = whole.combine_chunks().to_batches()[0]
    numbers = numbers_in(rows.schema, _numbers(kind))

    def epochs(epoch: int) -> Iterator[Any]:
        order = np.random.default_rng(epoch).permutation(rows.num_rows)
        for begin in range(0, rows.num_rows, samples.BATCH):
            batch = arrays_of(rows.take(pa.array(order[begin : begin + samples.BATCH])), numbers)
            yield (_pixels(batch) if kind == "decoded images" else batch)["value"]

    return task.loaded(kind, epochs)


def _numbers(kind: str) -> dict[str, str]:
    return {"value": "uint16"} if kind == "tokens" else {}


def _pixels(batch: Arrays, seeds: Any = None) -> Arrays:
    return {"value": np.stack([task.decoded(value) for value in batch["value"]])}


def _config(folder: Path) -> Config:
    return Config(lake=f"file://{folder / 'lake'}", cache=str(folder / "cache"))


if __name__ == "__main__":
    task.main(prepare, limit if sys.argv[1] == "limit" else load)
