"""MDSWriter: two processes write shards of half of the parts each, and their indices are put together.

There is no way to change a published dataset: a change is a dataset written anew.
"""

import json
import os
import shutil
import sys
import time
from multiprocessing import Pool
from pathlib import Path

import pyarrow.parquet as pq
from streaming import MDSWriter
from streaming.base.util import merge_index

COLUMNS = {"sample_id": "str", "image": "bytes", "label": "str", "split": "str"}


def write(work: tuple[Path, list[Path]]) -> None:
    out, parts = work
    with MDSWriter(out=str(out), columns=COLUMNS) as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches(1024):
                for row in batch.to_pylist():
                    writer.write(row)


def main(step: str, rows: Path, folder: Path) -> None:
    out = folder / "remote" / step
    parts, workers = sorted((rows / step).iterdir()), os.cpu_count() or 1
    began = time.perf_counter()
    work = [(out / f"{worker:02d}", parts[worker::workers]) for worker in range(workers)]
    with Pool(workers) as pool:
        pool.map(write, work)
    merge_index(str(out), keep_local=True)
    seconds = time.perf_counter() - began
    for other in (folder / "remote").iterdir():
        if other != out:
            shutil.rmtree(other)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
