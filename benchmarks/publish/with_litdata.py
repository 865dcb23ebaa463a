"""litdata: `optimize` over the parts, with a worker for each core. A change is the dataset written anew."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from litdata import optimize


def read(part: str) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(part).iter_batches(1024):
        yield from batch.to_pylist()


def main(step: str, rows: Path, folder: Path) -> None:
    parts = [str(part) for part in sorted((rows / step).iterdir())]
    began = time.perf_counter()
    optimize(
        fn=read,
        inputs=parts,
        output_dir=str(folder / "remote"),
        chunk_bytes="64MB",
        num_workers=os.cpu_count() or 1,
        mode="overwrite",
        verbose=False,
    )
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
