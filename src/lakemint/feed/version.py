"""A published version, opened for reading."""

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pyarrow as pa

from lakemint.config import Config, load_config
from lakemint.errors import IntegrityError, LakemintError, ObjectNotFound
from lakemint.feed.cache import ShardCache
from lakemint.feed.manifest import (
    CHANNEL_BYTES,
    MANIFEST_BYTES,
    RECORD_BYTES,
    Manifest,
    Record,
    Shard,
    parse_channel,
    parse_manifest,
    parse_record,
)
from lakemint.feed.receipts import Origin
from lakemint.feed.split import Split
from lakemint.lake import Lake
from lakemint.names import Channel, Reference, check_name, parse_reference
from lakemint.openlineage import Destination
from lakemint.published.catalog import channels, no_such_channel, no_such_version, numbers
from lakemint.published.columns import arrow_schema
from lakemint.published.holds import Hold, Term, holding, require_open
from lakemint.published.signatures import require_trusted
from lakemint.published.taken import Look, unless_taken
from lakemint.store import Store, open_store


class Version:
    """An immutable published dataset: `version["train"]` is a split, `version.digest` its identity."""

    def __init__(
        self,
        origin: Origin,
        record: Record,
        manifest: Manifest,
        read: Callable[..., pa.RecordBatch],
    ):
        reference = origin.reference
        self.name = str(reference)
        """`reviews@1`"""
        self.dataset, self.number = reference.dataset, reference.number
        self.digest = record.manifest
        """Hex sha256 of the manifest."""
        where = origin.lake.manifest(reference.dataset, record.manifest)
        self.earlier = record.earlier
        """Those of the manifests that it had before erasures, oldest first."""
        self.uri = f"{origin.lake.root}/{where}"
        """Where the manifest lies, `s3://…` or `file:///…`: for the records of others, such as MLflow's."""
        self.published_at = record.published_at
        """UTC, ISO 8601."""
        self.manifest: dict[str, Any] = manifest.content
        """All the manifest says, as plain data."""
        self.schema: pa.Schema = arrow_schema(manifest.columns)
        self._first = record.digests[0]
        self._splits, self._origin = manifest.splits, origin
        self._read = partial(read, schema=self.schema)

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, also of empty ones."""
        return tuple(self._splits)

    def __getitem__(self, split: str) -> Split:
        if split not in self._splits:
            raise LakemintError(f"{self.name} has no split {split!r}; there are {', '.join(self._splits)}")
        name, shards = f"{self.name}/{split}", self._splits[split]
        return Split(name, self._first, shards, self.schema, self._read, self._origin)

    def hold(self, *, days: float, by: str) -> AbstractContextManager[Hold]:
        """Keep the version whole and open while this is entered, whoever retires it meanwhile.

            with version.hold(days=3, by="run 7"):
                ...

        A small record in the lake says so. `days`: after so many, at most 90, it ends by itself, as when the
        process was killed. `by`: who reads it, for its owner to see. Entering it raises VersionRetired for a
        version that is retired and that nobody else holds, and StoreError.
        """
        store, lake, reference = self._origin.store, self._origin.lake, self._origin.reference
        return holding(store, lake, reference, _looking(store, lake, reference.dataset), Term(days, by))

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {sum(s.rows for s in shards):,}" for name, shards in self._splits.items())
        return f"<lakemint version {self.name} {self.digest[:12]}: {rows}>"


def open_version(text: str, config: Config | None) -> Version:
    """Open `<dataset>@<number>` or `<dataset>@<channel>`, verified; raises as `lakemint.open` says."""
    config = config or load_config()
    lake, store = Lake(config.need("lake")), open_store(config)
    reference, record = _resolved(text, store, lake)
    with _unless_taken(store, lake, reference, record):
        manifest = _manifest(store, lake, reference, record)
        require_trusted(store, lake, config.trusted_keys, reference, record.manifest)
    read = _Shards(config, reference, record)
    read.cache.forget(manifest.withdrawn)
    lineage = Destination(config.openlineage, config.openlineage_key)
    origin = Origin(store, lake, reference, record.manifest, lineage)
    return Version(origin, record, manifest, read)


class _Shards:
    """Reads the version's shards. Another process that it comes to opens store and cache for itself."""

    def __init__(self, config: Config, reference: Reference, record: Record) -> None:
        self._settings = config, reference, record
        self._lake = Lake(config.need("lake"))
        self._opened = self._open()

    @property
    def cache(self) -> ShardCache:
        return self._opened[2]

    def __call__(self, shard: Shard, schema: pa.Schema) -> pa.RecordBatch:
        if self._opened[0] != os.getpid():  # on connections that a fork shares, it would read others' replies
            self._opened = self._open()
        _, store, cache = self._opened
        _, reference, record = self._settings
        with _unless_taken(store, self._lake, reference, record):
            return cache.read(shard, partial(self._lake.shard, reference.dataset), schema)

    def __reduce__(self) -> tuple[object, ...]:
        return _Shards, self._settings

    def _open(self) -> tuple[int, Store, ShardCache]:
        config, _, _ = self._settings
        store = open_store(config)
        return os.getpid(), store, ShardCache(config.cache_folder(), store, config.cache_limit())


def published(dataset: str, config: Config | None) -> list[str]:
    """See `lakemint.versions`."""
    config = config or load_config()
    lake = Lake(config.need("lake"))
    return [f"{dataset}@{number}" for number in numbers(open_store(config), lake, check_name(dataset))]


def _manifest(store: Store, lake: Lake, reference: Reference, record: Record) -> Manifest:
    where = lake.manifest(reference.dataset, record.manifest)
    try:
        data = store.get(where, MANIFEST_BYTES)
    except ObjectNotFound as error:
        raise IntegrityError(
            f"{where}: the manifest of {reference} is gone; restore it from a copy"
        ) from error
    if hashlib.sha256(data).hexdigest() != record.manifest:
        raise IntegrityError(
            f"{where}: not the bytes that {reference} was published with; restore the object"
        )
    return parse_manifest(data, where, reference.dataset)


def _unless_taken(
    store: Store, lake: Lake, reference: Reference, record: Record
) -> AbstractContextManager[None]:
    """Since `record` was read."""
    return unless_taken(reference, record.manifest, lambda: _record(store, lake, reference))


def _looking(store: Store, lake: Lake, dataset: str) -> Look:
    return lambda number: _record(store, lake, Reference(dataset, number)).retired


def _resolved(text: str, store: Store, lake: Lake) -> tuple[Reference, Record]:
    if "@" not in text:
        # A run that says which version it reads can be repeated; "the newest" cannot.
        raise no_such_version(check_name(text), f"{text!r} names no version", numbers(store, lake, text))
    reference = parse_reference(text)
    if isinstance(reference, Channel):
        return _standing(store, lake, reference)  # which keeps what it stands at
    record = _record(store, lake, reference)
    require_open(store, lake, reference, record.retired, _looking(store, lake, reference.dataset))
    return reference, record


def _standing(store: Store, lake: Lake, channel: Channel) -> tuple[Reference, Record]:
    """The version that a channel points to; raises IntegrityError when it is not the one promoted."""
    where = lake.channel(channel.dataset, channel.name)
    try:
        standing = parse_channel(store.get(where, CHANNEL_BYTES), where, channel)
    except ObjectNotFound as error:
        raise no_such_channel(channel, channels(store, lake, channel.dataset)) from error
    reference = Reference(channel.dataset, standing.number)
    record = _record(store, lake, reference)
    if standing.manifest not in record.digests:
        raise IntegrityError(f"{where}: {reference} is not what was promoted; restore its record from a copy")
    return reference, record


def _record(store: Store, lake: Lake, reference: Reference) -> Record:
    where = lake.version(reference.dataset, reference.number)
    try:
        return parse_record(store.get(where, RECORD_BYTES), where, reference)
    except ObjectNotFound as error:
        there = numbers(store, lake, reference.dataset)
        raise no_such_version(reference.dataset, str(reference), there) from error
