"""Where two versions of a dataset hold other files, and the rows there that may differ."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from lakemint.names import SAMPLE_ID
from lakemint.published.records import FileRecord, Manifest, ShardRecord
from lakemint.published.shards import File, joined, merged, overlay_schema

Sides = tuple[pa.RecordBatch | None, pa.RecordBatch | None]
"""Before and after; None where there is nothing."""
Content = Callable[[File, pa.Schema], pa.RecordBatch]
"""Reads a file by the schema it must have; raises IntegrityError and StoreError."""


@dataclass(frozen=True)
class Apart:
    """Shards of a split that two versions do not share: of one of them only, or both, on the same file."""

    split: str
    before: ShardRecord | None
    after: ShardRecord | None

    @property
    def bytes(self) -> int:
        """Of all the files."""
        files = {
            file.sha256: file.bytes for shard in (self.before, self.after) if shard for file in shard.files
        }
        return sum(files.values())

    def rows(self, content: Content, key_of: Callable[[str], str], schema: pa.Schema) -> Sides:
        """The rows of each side; where both lie on the same file, those that their overlays name."""
        if self.before is None or self.after is None:
            alone = (one and joined(one, key_of, schema, content) for one in (self.before, self.after))
            return next(alone), next(alone)
        over = overlay_schema(schema)
        shared = _shared(self.before.overlays, self.after.overlays)
        layers = {file.sha256: content(file, over) for file in (*self.before.overlays, *self.after.overlays)}
        named = pa.chunked_array(
            [
                layers[file.sha256].column(SAMPLE_ID)
                for shard in (self.before, self.after)
                for file in shard.overlays[shared:]
            ],
            pa.string(),
        )
        below = _named(content(self.before, schema), named)
        left = (
            merged(below, [_named(layers[file.sha256], named) for file in shard.overlays])
            for shard in (self.before, self.after)
        )
        return next(left), next(left)


def apart(before: Manifest, after: Manifest) -> list[Apart]:
    """All that one has and the other has not, or has in another split, which no shard's bytes tell."""
    old, new = _by_file(before), _by_file(after)
    found = []
    for place in old | new:
        one, other = old.get(place), new.get(place)
        if one and other and _digests(one) == _digests(other):
            continue
        if before.columns == after.columns:
            found.append(Apart(place[0], one, other))
        else:
            found += [Apart(place[0], shard, None) for shard in [one] if shard]
            found += [Apart(place[0], None, shard) for shard in [other] if shard]
    return found


def _by_file(manifest: Manifest) -> dict[tuple[str, str], ShardRecord]:
    """(split, digest of the file below) → shard."""
    return {(name, shard.sha256): shard for name, split in manifest.splits.items() for shard in split.shards}


def _digests(shard: ShardRecord) -> list[str]:
    return [file.sha256 for file in shard.files]


def _shared(one: list[FileRecord], other: list[FileRecord]) -> int:
    """How many overlays both begin with."""
    same = [mine.sha256 == theirs.sha256 for mine, theirs in zip(one, other, strict=False)]
    return [*same, False].index(False)


def _named(rows: pa.RecordBatch, ids: pa.ChunkedArray) -> pa.RecordBatch:
    return rows.filter(pc.is_in(rows.column(SAMPLE_ID), value_set=ids))
