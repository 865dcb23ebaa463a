"""A published version, opened to be read whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.names import Reference, by_use, check_name
from lakemint.published.described import Description, described
from lakemint.published.records import Manifest, ShardRecord
from lakemint.published.shards import read, schema_of
from lakemint.published.signatures import require_trusted
from lakemint.published.version_record import VersionRecord, open_manifest, read_version, reading
from lakemint.store import Store, open_store


@dataclass(frozen=True)
class OpenVersion:
    """A version's records, and its rows when they are asked for."""

    store: Store
    lake: Lake
    reference: Reference
    record: VersionRecord
    manifest: Manifest
    schema: pa.Schema
    description: Description

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return self.record.manifest

    @property
    def published_at(self) -> str:
        """UTC, ISO 8601."""
        return self.record.published_at

    @property
    def splits(self) -> dict[str, int]:
        """Split → rows, in the order they are used in."""
        return {name: self.manifest.splits[name].rows for name in by_use(self.manifest.splits)}

    @property
    def labels(self) -> list[str]:
        """Every label of any split, sorted."""
        return sorted({label for split in self.manifest.splits.values() for label in split.labels})

    def rows(self, shards: Iterable[ShardRecord]) -> Iterator[pa.RecordBatch]:
        """One record batch a shard, read from the store and verified.

        Raises IntegrityError, VersionRevised when an erasure took rows since it was opened, VersionRetired
        when files of a retired version are gone, and StoreError.
        """
        key_of = partial(self.lake.shard, self.reference.dataset)
        for shard in shards:
            with reading(self.store, self.lake, self.reference, self.digest):
                batch = read(self.store, key_of, shard, self.schema)
            yield batch


def open_published(config: Config, reference: Reference) -> OpenVersion:
    """The version, also a retired one whose files are there still.

    Raises VersionNotFound, VersionRetired when they are gone, IntegrityError, SignatureError, FormatError,
    StoreError, and LakemintError for a split whose name could not be that of a file.
    """
    lake, store = Lake(config.need("lake")), open_store(config)
    dataset = reference.dataset
    record = read_version(store, lake, dataset, reference.number)
    manifest = open_manifest(store, lake, record)
    require_trusted(store, lake, config.trusted_keys, reference, record.manifest)
    for split in manifest.splits:
        check_name(split, "split")
    schema = schema_of(manifest, lake.manifest(dataset, record.manifest))
    return OpenVersion(
        store=store,
        lake=lake,
        reference=reference,
        record=record,
        manifest=manifest,
        schema=schema,
        description=described(store, lake, dataset, manifest.contract),
    )
