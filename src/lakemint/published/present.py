"""Whether all files of a version are there."""

from collections.abc import Iterator, Mapping

from lakemint.lake import Lake
from lakemint.published.records import Manifest
from lakemint.published.version_record import VersionRecord, find_manifest
from lakemint.store.base import Store


def sizes(lake: Lake, manifest: Manifest) -> Iterator[tuple[str, int]]:
    """The keys of a manifest's files, each with its bytes."""
    for shard in manifest.shards:
        for file in shard.files:
            yield lake.shard(manifest.dataset, file.sha256), file.bytes


def stored(store: Store, lake: Lake, dataset: str) -> dict[str, int]:
    """The keys of the files that are there, each with its bytes."""
    return dict(store.sizes(lake.shards(dataset)))


def missing(lake: Lake, manifest: Manifest, there: Mapping[str, int]) -> list[str]:
    """The keys of a manifest's files that are not among those that are there, or not as long as they were."""
    return [key for key, size in sizes(lake, manifest) if there.get(key) != size]


def whole_manifest(store: Store, lake: Lake, record: VersionRecord) -> Manifest | None:
    """A version's manifest; None for a retired one of which something is gone. Raises as `read_manifest`."""
    manifest = find_manifest(store, lake, record)
    if record.retired and manifest and missing(lake, manifest, stored(store, lake, record.dataset)):
        return None
    return manifest
