"""Which shards of a published version the next one keeps, lays an overlay on, or writes anew: pure functions.

An overlay costs what changed, and each reader a merge; a shard written anew costs all its rows, once. So
small shards are written anew, and larger ones when a good part of them lies in overlays: each row is written
again a bounded number of times, and what is read is at most that part more than what is there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lakemint.errors import ConservationError
from lakemint.publish.manifest import shard_record
from lakemint.published import content
from lakemint.published.records import FileRecord, Manifest, ShardRecord, SplitRecord

Place = tuple[str, int]
"""Split and bucket: where a shard belongs."""

SMALL: Final = 1024 * 1024
"""Bytes below which a shard is written anew rather than overlaid."""
LARGE: Final = 1024 * 1024 * 1024
"""Bytes from which on it is, too: with its overlays it must fit into one Arrow array."""
OVERLAID: Final = 0.25
"""Share of a shard's rows that may lie in its overlays."""
OVERLAYS: Final = 8
"""How many overlays a shard has at most."""
_EMPTY: Final = SplitRecord(rows=0, labels={}, content=content.NOTHING, shards=[])


@dataclass(frozen=True)
class Changes:
    """What changed since the base, counted."""

    entries: dict[Place, int]
    """Rows that an overlay of the shard would hold."""
    growth: dict[Place, int]
    """By how many rows the shard grows; below zero, shrinks."""
    labels: dict[str, dict[str, int]]
    """Split → label → by how many rows it grows."""


def counted(ledger: Iterable[Mapping[str, Any]]) -> Changes:
    """Add up the changes: groups of equal ones, with split, bucket, label, before, gone, kept and rows.

    `gone`: the sample left the shard; `kept`: it was there before and still is. `before` is the label it had
    there.
    """
    entries: dict[Place, int] = defaultdict(int)
    growth: dict[Place, int] = defaultdict(int)
    labels: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group in ledger:
        place, rows = (group["split"], group["bucket"]), group["rows"]
        entries[place] += rows
        growth[place] += -rows if group["gone"] else 0 if group["kept"] else rows
        if group["gone"] or group["kept"]:
            labels[place[0]][group["before"]] -= rows
        if not group["gone"]:
            labels[place[0]][group["label"]] += rows
    return Changes(dict(entries), dict(growth), {split: dict(one) for split, one in labels.items()})


def written_anew(base: Manifest, changes: Changes, small: int = SMALL) -> set[Place]:
    """Of the shards that change, those that are written anew; the others get an overlay."""
    there = shards_by_place(base)
    return {
        place
        for place, entries in changes.entries.items()
        if (shard := there.get(place)) is None or _is_full(shard, entries, small)
    }


def _is_full(shard: ShardRecord, entries: int, small: int) -> bool:
    """Whether the shard has no room for another overlay of so many rows."""
    laid = sum(file.rows for file in shard.overlays) + entries
    fits = small <= shard.stored < LARGE and len(shard.overlays) < OVERLAYS
    return not fits or laid > OVERLAID * shard.rows


def splits_of(manifest: Manifest) -> dict[str, SplitRecord]:
    """A manifest's splits as another version would hold them: one that never had what was erased since."""
    return {
        name: split.model_copy(
            update={"shards": [one.model_copy(update={"erased": []}) for one in split.shards if one.rows]}
        )
        for name, split in manifest.splits.items()
    }


def shards_by_place(manifest: Manifest) -> dict[Place, ShardRecord]:
    """The shards of `splits_of` a manifest that says where each belongs."""
    return {
        (name, shard.bucket): shard
        for name, split in splits_of(manifest).items()
        for shard in split.shards
        if shard.bucket is not None
    }


def splits_after(
    base: Manifest,
    changes: Changes,
    contents: Mapping[str, str],
    anew: Mapping[Place, Mapping[str, Any]],
    over: Mapping[Place, FileRecord],
) -> dict[str, SplitRecord]:
    """The base's splits with the changes: what was written `anew` by its place, and the overlays by theirs.

    `contents` has by its split what the content of the rows grows by, see `published.content`. Of the shards
    that change, what is in neither has no rows any more. Raises ConservationError when the rows
    that were written are not those that changed.
    """
    shards = shards_by_place(base)
    for place, growth in changes.growth.items():
        before = shards.pop(place, None)
        expected = growth + (before.rows if before else 0)
        if before and place in over:
            overlays = [*before.overlays, over[place]]
            shards[place] = before.model_copy(update={"overlays": overlays, "rows": expected})
        elif place in anew:
            shards[place] = shard_record(anew[place])
        if expected != (found := shards[place].rows if place in shards else 0):
            raise ConservationError(
                f"{base.dataset}: bucket {place[1]} of {place[0]} should have {expected} rows after what "
                f"changed in gold, and has {found}; nothing was published"
            )
    names = dict.fromkeys([*base.splits, *(split for split, _ in shards)])
    return {
        name: _split(
            base.splits.get(name, _EMPTY),
            changes.labels.get(name, {}),
            contents.get(name, content.NOTHING),
            [shards[place] for place in sorted(shards) if place[0] == name],
        )
        for name in names
    }


def _split(before: SplitRecord, growth: Mapping[str, int], grown: str, own: list[ShardRecord]) -> SplitRecord:
    labels = {
        label: before.labels.get(label, 0) + growth.get(label, 0) for label in {**before.labels, **growth}
    }
    return SplitRecord(
        rows=sum(shard.rows for shard in own),
        labels={label: rows for label, rows in labels.items() if rows},
        content=before.content and content.total([before.content, grown]),
        shards=own,
    )
