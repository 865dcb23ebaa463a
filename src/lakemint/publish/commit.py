"""The commit point: a version record, created once."""

import uuid
from collections.abc import Callable

from lakemint.digest import canonical, sha256
from lakemint.errors import LakemintError, ObjectExists
from lakemint.lake import Lake
from lakemint.publish.keep import keep
from lakemint.published.catalog import numbers
from lakemint.published.leases import Lease
from lakemint.published.records import MAX_BYTES, Manifest
from lakemint.published.version_record import VersionRecord, read_version
from lakemint.store.base import Store


def newest(store: Store, lake: Lake, dataset: str) -> VersionRecord | None:
    """The newest version's record; None when nothing was published yet."""
    there = numbers(store, lake, dataset)
    return read_version(store, lake, dataset, there[-1]) if there else None


def commit(  # noqa: PLR0913
    store: Store,
    lake: Lake,
    manifest: Manifest,
    held: Lease,
    now: Callable[[], str],
    *,
    after: VersionRecord | None,
) -> tuple[VersionRecord, bool]:
    """Make the manifest the version that follows `after`; returns its record, and whether this call made it.

    `after` is the newest version from before the tables were read. If another one follows it, the tables may
    have moved on too, and LakemintError says to run again. So versions come in the order of their inputs, and
    no input makes two, however long a publisher slept (Kung and Robinson, "On Optimistic Methods for
    Concurrency Control", ACM TODS 1981). Two publishers of one manifest get one version. Killed anywhere, it
    leaves the old or the new state. `now` gives the time of publishing, UTC, ISO 8601.
    """
    dataset, content = manifest.dataset, canonical(manifest.content)
    digest = sha256(content)
    if len(content) > MAX_BYTES:
        raise LakemintError(
            f"{dataset}: the manifest would have {len(content)} bytes, {MAX_BYTES} at most: use fewer "
            "buckets, or labels of fewer kinds"
        )
    keep(store, lake.manifest(dataset, digest), content)
    if after is not None and after.manifest == digest:
        return after, False
    record = VersionRecord(
        dataset=dataset,
        version=after.version + 1 if after else 1,
        manifest=digest,
        published_at=now(),
        publication=str(uuid.uuid4()),
    ).sealed()
    held.require()  # asked last: one write is left, and a tenth of the lease's term for it
    try:
        # The UUID makes the bytes ours alone: `create` settles a lost reply by reading them back.
        store.create(lake.version(dataset, record.version), canonical(record.model_dump(mode="json")))
    except ObjectExists:
        return _faster(store, lake, record), False
    return record, True


def _faster(store: Store, lake: Lake, ours: VersionRecord) -> VersionRecord:
    """The record that another publisher made of the same manifest, by then or later."""
    for number in numbers(store, lake, ours.dataset):
        if number >= ours.version:
            record = read_version(store, lake, ours.dataset, number)
            if record.manifest == ours.manifest:
                return record
    raise LakemintError(
        f"{ours.dataset}@{ours.version} was published meanwhile, of other tables, and maybe of newer ones: "
        "nothing more was published; run this again"
    )
