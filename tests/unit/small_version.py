"""A version published into a local folder, by the platform's own code, without Spark."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.names import SPLITS
from lakemint.publish.commit import commit
from lakemint.publish.keep import keep
from lakemint.publish.manifest import Basis, manifest_of, split_records
from lakemint.publish.shards import encode, label_counts
from lakemint.published.columns import arrow_schema
from lakemint.published.records import Counts, Manifest, VersionRecord
from lakemint.store import open_store

DATASET = "notes"
COLUMNS = (("sample_id", "string"), ("text", "string"), ("stars", "int64"), ("label", "string"))
WHEN = "2026-11-22T12:00:00+00:00"

Row = dict[str, Any]


def row(index: int, split: str = "train", bucket: int | None = None, **values: Any) -> Row:
    """A row; the bucket follows from its index unless named."""
    sample_id = hashlib.sha256(str(index).encode()).hexdigest()[:32]
    own = {"sample_id": sample_id, "text": f"text {index}", "stars": index, "label": "ab"[index % 2]}
    return {"split": split, "bucket": index % 3 if bucket is None else bucket, **own, **values}


def settings(folder: Path) -> Config:
    return Config(lake=f"file://{folder / 'lake'}", cache=str(folder / "cache"))


def publish(
    config: Config, rows: Iterable[Row], columns: tuple[tuple[str, str], ...] = COLUMNS
) -> tuple[VersionRecord, bool]:
    """What `jobs/publish.py` does with the rows that Spark would give it."""
    lake, store = Lake(config.lake), open_store(config)
    manifest, shards = manifest_and_shards(rows, columns)
    for digest, data in shards.items():
        keep(store, lake.shard(DATASET, digest), data)
    return commit(store, lake, manifest, lambda: WHEN)


def manifest_and_shards(
    rows: Iterable[Row], columns: tuple[tuple[str, str], ...] = COLUMNS
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest, and digest → bytes of its shards."""
    places: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for entry in rows:
        places[entry["split"], entry["bucket"]].append(entry)
    shards, written = {}, []
    for (split, bucket), held in places.items():
        names = [name for name, _ in columns]
        table = pa.Table.from_pylist([{k: r[k] for k in names} for r in held], schema=arrow_schema(columns))
        data = encode(table, columns)
        digest = hashlib.sha256(data).hexdigest()
        shards[digest] = data
        size = {"sha256": digest, "bytes": len(data), "rows": len(held), "labels": label_counts(table)}
        written.append({"split": split, "bucket": bucket, **size})
    splits = split_records(SPLITS, written)
    published = sum(split.rows for split in splits.values())
    counts = Counts(raw=published, quarantined=0, rejected=0, unlabeled=0, published=published)
    basis = Basis(DATASET, "c" * 64, "d" * 64, "0.1.0", {"gold": 1, "silver": 2}, ["e" * 64])
    return manifest_of(basis, columns, {}, counts, splits), shards
