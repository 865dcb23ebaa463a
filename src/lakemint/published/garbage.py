"""Garbage: shards, manifests and signatures that no version holds, such as a killed publish leaves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakemint.lake import Lake
from lakemint.published.catalog import numbers
from lakemint.published.leases import lease, leases
from lakemint.published.records import read_manifest
from lakemint.published.shards import Progress
from lakemint.published.version_record import read_version
from lakemint.store.base import Store, StoredObject

GRACE = timedelta(days=7)
"""What is younger stays: somebody may be about to need it."""
_OURS = re.compile(r"[0-9a-f]{64}\.(arrow|json)")
_SIGNATURE = re.compile(r"([0-9a-f]{64})/[0-9a-f]{64}\.json")


@dataclass(frozen=True)
class Garbage:
    """What a sweep removed, or would."""

    objects: list[StoredObject]
    young: int
    """Objects that no version holds either, but that are younger than the grace period."""

    @property
    def bytes(self) -> int:
        return sum(item.size for item in self.objects)


def find_garbage(store: Store, lake: Lake, dataset: str, grace: timedelta = GRACE) -> Garbage:
    """What could be removed now. Every version is a root; whatever is not named as ours are, is left alone.

    Raises IntegrityError, FormatError and StoreError when a version cannot be read: what it holds is not
    known then, so nothing is garbage.
    """
    oldest = datetime.now(UTC) - grace
    unheld = loose(store, lake, dataset)
    old = [item for item in unheld if item.modified < oldest]
    return Garbage(sorted(old, key=lambda item: item.key), len(unheld) - len(old))


def loose(store: Store, lake: Lake, dataset: str) -> list[StoredObject]:
    """What no version holds, however young; raises as `find_garbage`."""
    held = {*_held(store, lake, dataset)}
    named = [
        item
        for prefix in (lake.shards(dataset), lake.manifests(dataset))
        for item in store.list(prefix)
        if item.key not in held and _OURS.fullmatch(item.key.removeprefix(prefix))
    ]
    return named + [item for item, manifest in _signatures(store, lake, dataset) if manifest not in held]


def collect_garbage(
    store: Store,
    lake: Lake,
    dataset: str,
    grace: timedelta = GRACE,
    progress: Progress = lambda done, total: None,
) -> Garbage:
    """Remove what `find_garbage` finds, while nobody publishes; returns what was removed.

    Killed anywhere, it has removed some of it, and the next one removes the rest. Raises as `find_garbage`,
    and LakemintError while somebody publishes.
    """
    with lease(store, lake, dataset, "collect") as held:
        garbage = find_garbage(store, lake, dataset, grace)
        done = 0
        for item in garbage.objects:
            held.require()
            store.delete(item.key)
            done += item.size
            progress(done, garbage.bytes)
        _clear_leases(store, lake, dataset)
    return garbage


def _held(store: Store, lake: Lake, dataset: str) -> Iterator[str]:
    """The keys of all that any version holds."""
    for number in numbers(store, lake, dataset):
        digest = read_version(store, lake, dataset, number).manifest
        yield lake.manifest(dataset, digest)
        for shard in read_manifest(store, lake, dataset, digest).shards:
            for file in shard.files:
                yield lake.shard(dataset, file.sha256)


def _signatures(store: Store, lake: Lake, dataset: str) -> Iterator[tuple[StoredObject, str]]:
    """Every signature, with the key of the manifest that it is of: it stays as long as that."""
    prefix = lake.signatures(dataset)
    for item in store.list(prefix):
        if named := _SIGNATURE.fullmatch(item.key.removeprefix(prefix)):
            yield item, lake.manifest(dataset, named[1])


def _clear_leases(store: Store, lake: Lake, dataset: str) -> None:
    """Take away leases that ended long ago: their holders died."""
    for key, record in leases(store, lake, dataset):
        if record.until < datetime.now(UTC) - GRACE:
            store.delete(key)
