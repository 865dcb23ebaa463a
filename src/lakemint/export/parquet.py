"""Parquet: `data/<split>-00000-of-00003.parquet`, where `datasets.load_dataset` looks for splits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakemint.export.format import Part, Reading, Written, cut
from lakemint.published.opened import OpenVersion

_BATCH = 8192
"""Rows that are read back at a time."""


class Parquet:
    """A row group a shard, compressed by Zstandard, with the Arrow schema inside."""

    reading = Reading("application/x-parquet", "column")

    def parts(self, version: OpenVersion) -> list[Part]:
        found = []
        for split in version.splits:
            pieces = cut(version.manifest.splits[split].shards)
            for index, shards in enumerate(pieces):
                path = f"data/{split}-{index:05d}-of-{len(pieces):05d}.parquet"
                found.append(Part(path, split, shards))
        return found

    def write(self, version: OpenVersion, part: Part, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        with pq.ParquetWriter(path, version.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)

    def read(self, version: OpenVersion, path: Path) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            # One row group after the other: reading ahead would hold several.
            for group in range(file.num_row_groups):
                yield from file.iter_batches(_BATCH, row_groups=[group])

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        return {}
