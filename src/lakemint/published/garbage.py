"""Garbage: what no version holds, such as a killed publish leaves, or one that was retired long ago.

Of a retired version its shards go first, its manifest then and its card last: cut off between, it can be told
what is gone, and while all its files are there it can be restored.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakemint.lake import Lake
from lakemint.published.holds import holds
from lakemint.published.leases import lease, leases
from lakemint.published.present import sizes
from lakemint.published.records import read_manifest
from lakemint.published.roots import Roots, roots
from lakemint.published.shards import Progress
from lakemint.published.version_record import VersionRecord, find_manifest
from lakemint.store.base import Store, StoredObject

GRACE = timedelta(days=7)
"""What is younger stays: somebody may be about to need it."""
_OURS = re.compile(r"[0-9a-f]{64}\.(arrow|json)")
_SIGNATURE = re.compile(r"([0-9a-f]{64})/[0-9a-f]{64}\.json")
_CARD = re.compile(r"([0-9]{8})/[a-z]{1,20}\.(json|md|html)")


@dataclass(frozen=True)
class Garbage:
    """What a sweep removed, or would."""

    objects: list[StoredObject]
    """In the order they go."""
    young: int
    """Objects that no version holds either, but that are younger than the grace period."""
    retired: dict[int, list[StoredObject]]
    """Retired versions → those of the objects that they held; two may have held the same."""
    kept: dict[int, str]
    """The retired versions that keep what they hold, each with until what."""

    @property
    def bytes(self) -> int:
        return sum(item.size for item in self.objects)


def find_garbage(store: Store, lake: Lake, dataset: str, grace: timedelta = GRACE) -> Garbage:
    """What could be removed now; see `roots`. Whatever is not named as ours are, is left alone.

    Raises IntegrityError, FormatError and StoreError when a version cannot be read: what it holds is not
    known then, so nothing is garbage.
    """
    oldest = datetime.now(UTC) - grace
    there = roots(store, lake, dataset, grace)
    unheld = loose(store, lake, dataset, {*_held(store, lake, dataset, there)})
    unheld += _cards(store, lake, dataset, there.ended)
    going = {item.key: item for item in unheld if item.modified < oldest}
    retired: dict[int, list[StoredObject]] = {}
    for record in there.ended if unheld else ():
        files, rest = _own(store, lake, record)
        if any(item.key in files and item.key not in going for item in unheld):
            # Such as a rebuild wrote again: what tells of them stays as long as they do.
            going = {key: item for key, item in going.items() if not key.startswith(rest)}
        own = [item for key, item in going.items() if key in files or key.startswith(rest)]
        retired |= {record.version: own} if own else {}
    return Garbage([*going.values()], len(unheld) - len(going), retired, there.why)


def loose(store: Store, lake: Lake, dataset: str, held: Set[str]) -> list[StoredObject]:
    """Shards, manifests and signatures, in this order, but for those whose keys are among `held`.

    However young they are. A signature stays as long as the manifest that it is of.
    """
    named = [
        item
        for prefix in (lake.shards(dataset), lake.manifests(dataset))
        for item in sorted(store.list(prefix), key=lambda item: item.key)
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
        _clear_ended(store, lake, dataset)
    return garbage


def _held(store: Store, lake: Lake, dataset: str, there: Roots) -> Iterator[str]:
    """The keys of all that any version holds."""
    bases = {}
    for record, manifest in there.manifests(store, lake):
        bases[record.manifest] = manifest.base
        yield lake.manifest(dataset, record.manifest)
        yield from (key for key, _ in sizes(lake, manifest))
    yield from _bases(store, lake, dataset, bases, there.replaced)


def _bases(
    store: Store, lake: Lake, dataset: str, bases: dict[str, str | None], replaced: Set[str]
) -> Iterator[str]:
    """The keys of the manifests, no more of them, that these went on from, one after the other.

    A rebuild begins with its version's. Those that erasures replaced it cannot need, since the tables of then
    are gone too; and they tell how many rows of which label went.
    """
    ahead = [base for base in bases.values() if base]
    while ahead:
        base = ahead.pop()
        where = lake.manifest(dataset, base)
        if base in bases or base in replaced or store.stat(where) is None:
            continue
        yield where
        further = bases[base] = read_manifest(store, lake, dataset, base).base
        ahead += [further] if further else []


def _cards(store: Store, lake: Lake, dataset: str, ended: list[VersionRecord]) -> list[StoredObject]:
    """The parts of these versions' cards."""
    prefix, numbers = lake.cards(dataset), {f"{record.version:08d}" for record in ended}
    there = sorted(store.list(prefix), key=lambda item: item.key) if ended else []
    named = ((item, _CARD.fullmatch(item.key.removeprefix(prefix))) for item in there)
    return [item for item, name in named if name and name[1] in numbers]


def _own(store: Store, lake: Lake, record: VersionRecord) -> tuple[set[str], tuple[str, ...]]:
    """The keys of a retired version's files, as far as its manifest is there to tell.

    And where the keys begin of what goes after them: the manifest, its signatures and the card.
    """
    manifest = find_manifest(store, lake, record)
    files = {key for key, _ in sizes(lake, manifest)} if manifest else set()
    dataset, digest = record.dataset, record.manifest
    where = (
        lake.manifest(dataset, digest),
        lake.signatures(dataset, digest),
        lake.cards(dataset, record.version),
    )
    return files, where


def _signatures(store: Store, lake: Lake, dataset: str) -> Iterator[tuple[StoredObject, str]]:
    """Every signature, with the key of the manifest that it is of."""
    prefix = lake.signatures(dataset)
    for item in sorted(store.list(prefix), key=lambda item: item.key):
        if named := _SIGNATURE.fullmatch(item.key.removeprefix(prefix)):
            yield item, lake.manifest(dataset, named[1])


def _clear_ended(store: Store, lake: Lake, dataset: str) -> None:
    """Take away leases and holds that ended long ago: their holders died."""
    for there in (leases(store, lake, dataset), holds(store, lake, dataset)):
        for key, record in there:
            if record.until < datetime.now(UTC) - GRACE:
                store.delete(key)
