"""Which rows of which shards are suspected: each shard is read once, however many versions hold it."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from lakemint.lake import Lake
from lakemint.lineage.eaten import Mask
from lakemint.lineage.suspects import Suspects
from lakemint.names import SAMPLE_ID, Reference
from lakemint.publish.arrow_changes import buckets_of
from lakemint.published.records import Manifest, ShardRecord
from lakemint.published.shards import Progress, read, schema_of
from lakemint.published.version_record import reading
from lakemint.store import Store

EXAMPLES = 20
"""Samples that are named, the first by their ids."""
_FEW = 1000
"""So many samples at most are looked for only in the shards that their ids say."""


@dataclass(frozen=True)
class Searched:
    """A version, and what is looked for in it."""

    reference: Reference
    digest: str
    manifest: Manifest
    suspects: Suspects

    def shards(self) -> list[ShardRecord]:
        """Those that may hold any of it."""
        ids, buckets = self.suspects.values, self.manifest.buckets
        if self.suspects.column != SAMPLE_ID or buckets is None or len(ids) > _FEW:
            return [shard for shard in self.manifest.shards if shard.rows]
        wanted = {*buckets_of(ids, buckets).tolist(), None}
        return [shard for shard in self.manifest.shards if shard.rows and shard.bucket in wanted]


class SplitRows:
    """One split of a version, read from the store shard by shard."""

    def __init__(self, store: Store, lake: Lake, version: Searched, split: str) -> None:
        self._store, self._lake, self._version = store, lake, version
        self.name, self.shards = f"{version.reference}/{split}", version.manifest.splits[split].shards
        self.schema = schema_of(version.manifest, lake.manifest(version.reference.dataset, version.digest))

    def __len__(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def shard(self, index: int) -> pa.RecordBatch:
        """All rows of one; raises IntegrityError, VersionRevised when an erasure takes some, StoreError."""
        reference, digest = self._version.reference, self._version.digest
        with reading(self._store, self._lake, reference, digest):
            return read(
                self._store, partial(self._lake.shard, reference.dataset), self.shards[index], self.schema
            )


class Spread:
    """Finds suspected rows, and remembers a bit for each row of the shards that have any."""

    def __init__(self, store: Store, lake: Lake, versions: Iterable[Searched], progress: Progress) -> None:
        """Reads all that these versions need.

        Raises IntegrityError, VersionRevised, FormatError and StoreError.
        """
        self._store, self._lake = store, lake
        self._found: dict[tuple[str, ...], tuple[int, bytes]] = {}
        """Files of a shard → how many of its rows are suspected, and which."""
        self._first: set[str] = set()
        versions = [*versions]
        work = {_place(one, shard): (one, shard) for one in versions for shard in one.shards()}
        done, total = 0, sum(shard.stored for _, shard in work.values())
        for place, (version, shard) in work.items():
            with reading(store, lake, version.reference, version.digest):
                self._found[place] = self._search(version, shard)
            done += shard.stored
            progress(done, total)

    @property
    def examples(self) -> list[str]:
        """Ids of some suspected samples."""
        return sorted(self._first)

    def count(self, version: Searched, shard: ShardRecord) -> int:
        """How many rows of a shard are suspected."""
        return self._found.get(_place(version, shard), (0, b""))[0]

    def mask(self, version: Searched, shard: ShardRecord) -> Mask | None:
        """Which rows of a shard are suspected, (rows,); None when none is."""
        count, bits = self._found.get(_place(version, shard), (0, b""))
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=shard.rows).view(bool) if count else None

    def _search(self, version: Searched, shard: ShardRecord) -> tuple[int, bytes]:
        dataset, manifest = version.reference.dataset, version.manifest
        schema = schema_of(manifest, self._lake.manifest(dataset, version.digest))
        rows = read(self._store, partial(self._lake.shard, dataset), shard, schema)
        among = version.suspects.among(rows)
        if not among.true_count:
            return 0, b""
        ids = rows.column(SAMPLE_ID).filter(among)[:EXAMPLES].to_pylist()  # sorted, as the rows are
        self._first = {*heapq.nsmallest(EXAMPLES, {*self._first, *ids})}
        return among.true_count, np.packbits(among.to_numpy(zero_copy_only=False)).tobytes()


def _place(version: Searched, shard: ShardRecord) -> tuple[str, ...]:
    return (version.suspects.digest, *(file.sha256 for file in shard.files))
