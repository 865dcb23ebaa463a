"""Three versions that share shards, and what becomes of the first two of them."""

from datetime import UTC, datetime, timedelta

import lakemint
from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published import retirement
from lakemint.published.garbage import Garbage, collect_garbage
from lakemint.published.holds import Hold, Term, take
from lakemint.published.records import read_manifest
from lakemint.published.version_record import Retirement, VersionRecord, looking, read_version
from lakemint.store import Store, open_store
from tests.unit.small_version import DATASET, Row, age, publish_judged, row

SHARED = [row(index) for index in range(6)]
"""In three buckets, of which one is the same in all versions."""
ROWS = 8
"""Of each version."""
FIRST, SECOND = Reference(DATASET, 1), Reference(DATASET, 2)
LONG = 30
"""Days, longer than the grace period."""


def alone(number: int) -> list[Row]:
    """The rows that only that version has, each in a shard that no other has."""
    return [row(47 + 3 * number), row(48 + 3 * number)]


def publish_three(config: Config) -> Config:
    """notes@1 … notes@3, all passed, long ago."""
    for number in range(3):
        publish_judged(config, [*SHARED, *alone(number + 1)])
    age(config, LONG)
    return config


def opened(config: Config) -> tuple[Store, Lake]:
    return open_store(config), Lake(config.lake)


def why(days: float = 0) -> Retirement:
    """So many days ago, by Ana."""
    at = datetime.now(UTC) - timedelta(days=days)
    return Retirement(at=at, by="ana", reason="mislabeled")


def retire(
    config: Config, version: Reference = FIRST, days: float = LONG, store: Store | None = None
) -> VersionRecord:
    store = store or open_store(config)
    return retirement.retire(store, Lake(config.lake), version, why(days))[0]


def hold(config: Config, version: Reference = FIRST, days: float = 1) -> tuple[str, Hold]:
    store, lake = opened(config)
    return take(store, lake, version, looking(store, lake, DATASET), Term(days, "run 7"))


def sweep(config: Config, store: Store | None = None) -> Garbage:
    return collect_garbage(store or open_store(config), Lake(config.lake), DATASET)


def own(config: Config, version: Reference = FIRST) -> list[str]:
    """The keys of the shards that only that version holds, and of its manifest."""
    store, lake = opened(config)
    digests = {number: read_version(store, lake, DATASET, number).manifest for number in (1, 2, 3)}
    files = {
        number: {
            file.sha256
            for shard in read_manifest(store, lake, DATASET, digest).shards
            for file in shard.files
        }
        for number, digest in digests.items()
    }
    shards = files.pop(version.number).difference(*files.values())
    return [
        *sorted(lake.shard(DATASET, one) for one in shards),
        lake.manifest(DATASET, digests[version.number]),
    ]


def keys(config: Config) -> set[str]:
    return {item.key for item in open_store(config).list("published/")}


def read(config: Config, reference: str) -> int:
    """How many rows it has."""
    version = lakemint.open(reference, config=config)
    return sum(version[split].to_table().num_rows for split in version.splits)
