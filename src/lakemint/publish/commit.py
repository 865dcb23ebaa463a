"""The commit point: a version record, created once."""

import uuid
from collections.abc import Callable

from lakemint.digest import canonical
from lakemint.errors import LakemintError, ObjectExists, StoreUnavailable
from lakemint.lake import Lake
from lakemint.publish.keep import keep
from lakemint.publish.manifest import Basis
from lakemint.published.catalog import numbers
from lakemint.published.records import MAX_BYTES, Manifest, VersionRecord, read_manifest, read_version
from lakemint.store.base import Store

_ATTEMPTS = 20


def newest(store: Store, lake: Lake, dataset: str) -> VersionRecord | None:
    """The newest version's record; None when nothing was published yet."""
    there = numbers(store, lake, dataset)
    return read_version(store, lake, dataset, there[-1]) if there else None


def newest_of(store: Store, lake: Lake, basis: Basis) -> VersionRecord | None:
    """The newest version's record, if that version is made of the same; else None."""
    last = newest(store, lake, basis.dataset)
    if last is None or not basis.is_that_of(read_manifest(store, lake, basis.dataset, last.manifest)):
        return None
    return last


def commit(
    store: Store, lake: Lake, manifest: Manifest, now: Callable[[], str]
) -> tuple[VersionRecord, bool]:
    """Make the manifest the newest version, unless it is; returns its record, and whether this call made it.

    Two publishers of one manifest get one version; of two manifests, consecutive ones. Killed anywhere, it
    leaves the old or the new state. `now` gives the time of publishing, UTC, ISO 8601.
    """
    dataset, digest = manifest.dataset, manifest.digest
    content = canonical(manifest.content)
    if len(content) > MAX_BYTES:
        raise LakemintError(
            f"{dataset}: the manifest would have {len(content)} bytes, {MAX_BYTES} at most: use fewer "
            "buckets, or labels of fewer kinds"
        )
    keep(store, lake.manifest(dataset, digest), content)
    for _ in range(_ATTEMPTS):
        last = newest(store, lake, dataset)
        if last is not None and last.manifest == digest:
            return last, False
        record = VersionRecord(
            dataset=dataset,
            version=last.version + 1 if last else 1,
            manifest=digest,
            published_at=now(),
            publication=str(uuid.uuid4()),
        ).sealed()
        try:
            # The UUID makes the bytes ours alone: `create` settles a lost reply by reading them back.
            store.create(lake.version(dataset, record.version), canonical(record.model_dump(mode="json")))
        except ObjectExists:
            continue  # another publisher was faster: see what it published
        return record, True
    raise StoreUnavailable(f"{dataset}: other publishers were faster {_ATTEMPTS} times; run this again")
