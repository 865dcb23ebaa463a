"""Retiring a version: its owner takes it out of use, and later its files go; or he restores it before that.

One step does it, the replacing of its record. The number is never used again. A promotion at the very moment
may still leave a channel at the version: then its files stay, and it opens by the channel.
"""

from lakemint.errors import LakemintError, VersionRetired
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published import channels
from lakemint.published.catalog import numbers
from lakemint.published.leases import lease
from lakemint.published.present import missing, stored
from lakemint.published.taken import told
from lakemint.published.version_record import (
    Retirement,
    VersionRecord,
    find_manifest,
    read_version,
    replace_version,
    settled,
)
from lakemint.published.words import check_words
from lakemint.store.base import Store
from lakemint.store.safety import require_safe


def retire(
    store: Store, lake: Lake, version: Reference, retirement: Retirement, *, dry_run: bool = False
) -> tuple[VersionRecord, bool]:
    """Take a version out of use; returns its record, and whether this call changed it, or would.

    One that is retired stays as it is. Raises LakemintError for the newest version, which publishing goes on
    from, for one that a channel stands at, and for no reason; VersionNotFound, IntegrityError, FormatError,
    UnsafeStore and StoreError. After StoreUnavailable it may or may not be retired: do it again.
    """
    check_words(retirement.by, retirement.reason)
    if not retirement.reason.strip():
        raise LakemintError(f"{version}: say why it is retired, for whoever looks for it")
    if not dry_run:
        require_safe(store, lake)

    def change() -> tuple[VersionRecord, bool]:
        record, etag = _found(store, lake, version)
        if record.retired:
            return record, False
        _require_dispensable(store, lake, version)
        after = record.model_copy(update={"retired": retirement}).sealed()
        if not dry_run:
            replace_version(store, lake, after, etag)
        return after, True

    return settled(change)


def restore(store: Store, lake: Lake, version: Reference) -> tuple[VersionRecord, bool]:
    """Bring a retired version back into use; returns its record, and whether this call changed it.

    It is done as a publish is: not while garbage is collected. Raises VersionRetired when a file of it is
    gone, LakemintError while somebody collects or erases, and as `retire`.
    """
    require_safe(store, lake)
    with lease(store, lake, version.dataset, "publish") as held:

        def change() -> tuple[VersionRecord, bool]:
            record, etag = _found(store, lake, version)
            if record.retired is None:
                return record, False
            _require_whole(store, lake, record, record.retired)
            after = record.model_copy(update={"retired": None}).sealed()
            held.require()  # asked last: one write is left
            replace_version(store, lake, after, etag)
            return after, True

        return settled(change)


def _found(store: Store, lake: Lake, version: Reference) -> tuple[VersionRecord, str]:
    """A version's record and its etag, or an older one: what is replaced is this record or none."""
    there = store.stat(lake.version(version.dataset, version.number))
    return read_version(store, lake, version.dataset, version.number), there.etag if there else ""


def _require_whole(store: Store, lake: Lake, record: VersionRecord, retired: Retirement) -> None:
    manifest = find_manifest(store, lake, record)
    if manifest is None or missing(lake, manifest, stored(store, lake, record.dataset)):
        rebuild = f"; `lakemint version rebuild {record.reference}` may make them again" if manifest else ""
        raise VersionRetired(
            f"{told(record.reference, retired)}; it cannot be restored, files of it are gone{rebuild}"
        )


def _require_dispensable(store: Store, lake: Lake, version: Reference) -> None:
    if version.number == numbers(store, lake, version.dataset)[-1]:
        raise LakemintError(
            f"{version} is the newest version, which the next one goes on from: retire it when there is one "
            f"(`lakemint run {version.dataset}`)"
        )
    standing = [
        one.channel for one in channels.listing(store, lake, version.dataset) if one.version == version.number
    ]
    if standing:
        raise LakemintError(
            f"{version}: {', '.join(f'{version.dataset}@{name}' for name in standing)} "
            f"{'stand' if len(standing) > 1 else 'stands'} at it: move that on first (`lakemint promote`)"
        )
