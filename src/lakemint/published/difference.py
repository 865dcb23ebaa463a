"""What differs between two versions of a dataset, from their manifests and the shards they do not share."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import LABEL, SAMPLE_ID, SPLIT, Reference, by_use
from lakemint.published.apart import Apart, apart
from lakemint.published.documents import changes, find_document
from lakemint.published.fingerprint import Fingerprints
from lakemint.published.records import Manifest, ShardRecord
from lakemint.published.shards import Progress, read_file, schema_of
from lakemint.published.signatures import require_trusted
from lakemint.published.version_record import open_manifest, read_version, reading
from lakemint.store import Store, open_store
from lakemint.work import each

EXAMPLES = 20
"""Samples that are named of each kind, the first by their ids."""
KINDS = ("added", "removed", "relabeled", "moved", "changed")
"""Moved: to another split; changed: in a column that is neither key nor label. One row may be all three."""

_COPIES = 3
"""So many times its own size a shard takes while it is compared."""
_REST = "rest"
_OWN = (SAMPLE_ID, LABEL)
"""Columns that are compared each for itself."""
_FACTS = pa.schema(
    [(SAMPLE_ID, pa.string()), (SPLIT, pa.int32()), (LABEL, pa.uint64()), (_REST, pa.uint64())]
)
"""What is kept of a row: its id, its split's number, a fingerprint of its label and of all other columns."""


def difference(
    config: Config, before: Reference, after: Reference, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """What `after` has that `before` has not, and the other way round, as plain data.

    A shard that both have in the same split is the same by its digest, and is not read. Of those that lie on
    one file, only the rows that their overlays name are compared, of the others all; some 60 bytes of each of
    these are held. Columns are compared that have one name and one type in both; the label also when its type
    changed, as text. The shards touched are those that only `after` has.

    Raises LakemintError for versions of two datasets, VersionNotFound, VersionRevised when an erasure takes
    rows meanwhile, VersionRetired when files of a retired one are gone, IntegrityError,
    SignatureError, FormatError and StoreError.
    """
    if before.dataset != after.dataset:
        raise LakemintError(
            f"{before} and {after} are versions of two datasets: a difference is between two of one"
        )
    lake, store = Lake(config.need("lake")), open_store(config)
    old, new = _open(store, lake, before), _open(store, lake, after)
    for one in (old, new):
        require_trusted(store, lake, config.trusted_keys, one.reference, one.digest)
    with reading(store, lake, before, old.digest), reading(store, lake, after, new.digest):
        rows = _compare(*_facts(store, lake, old, new, progress))
    return {
        "before": old.summary,
        "after": new.summary,
        "same": old.digest == new.digest,
        "rows": {kind: rows[kind].num_rows for kind in KINDS},
        "shards": _touched(old, new),
        "labels": _shares(old.labels, new.labels),
        "splits": _shares(old.splits, new.splits),
        "alpha": _pair(old.manifest.labels.alpha, new.manifest.labels.alpha),
        "schema": _columns(old.columns, new.columns),
        "contract": _documents(store, lake, old, new, "contract"),
        "recipe": _documents(store, lake, old, new, "recipe"),
        "lakemint": _pair(old.manifest.lakemint, new.manifest.lakemint),
        "code": _pair(old.manifest.code, new.manifest.code),
        "examples": {kind: _first(rows[kind]) for kind in KINDS},
    }


def cost(store: Store, lake: Lake, before: Reference, after: Reference) -> int:
    """Bytes of the files that `difference` would read; raises as it does."""
    old, new = _open(store, lake, before), _open(store, lake, after)
    return sum(one.bytes for one in apart(old.manifest, new.manifest))


@dataclass(frozen=True)
class _Version:
    reference: Reference
    digest: str
    manifest: Manifest
    schema: pa.Schema

    @property
    def shards(self) -> list[tuple[str, ShardRecord]]:
        """Each with the name of its split."""
        return [(name, shard) for name, split in self.manifest.splits.items() for shard in split.shards]

    @property
    def columns(self) -> dict[str, str]:
        """Name → type, in their order."""
        return {column.name: column.type for column in self.manifest.columns}

    @property
    def splits(self) -> dict[str, int]:
        """Split → rows."""
        return {name: self.manifest.splits[name].rows for name in by_use(self.manifest.splits)}

    @property
    def labels(self) -> dict[str, int]:
        """Label → rows, over all splits."""
        total: Counter[str] = Counter()
        for split in self.manifest.splits.values():
            total.update(split.labels)
        return total

    @property
    def summary(self) -> dict[str, Any]:
        sizes = [shard.stored for _, shard in self.shards]
        facts = {"rows": sum(self.splits.values()), "shards": len(sizes), "bytes": sum(sizes)}
        return {"name": str(self.reference), "digest": self.digest, **facts}


def _open(store: Store, lake: Lake, reference: Reference) -> _Version:
    dataset, number = reference.dataset, reference.number
    record = read_version(store, lake, dataset, number)
    manifest = open_manifest(store, lake, record)
    schema = schema_of(manifest, lake.manifest(dataset, record.manifest))
    return _Version(reference, record.manifest, manifest, schema)


def _facts(
    store: Store, lake: Lake, old: _Version, new: _Version, progress: Progress
) -> tuple[pa.Table, pa.Table]:
    """The facts of the rows that may differ, of both versions."""
    prints, splits, work = Fingerprints(), list(old.splits | new.splits), apart(old.manifest, new.manifest)
    rest = [name for name, kind in (old.columns.items() & new.columns.items()) if name not in _OWN]
    labeled = LABEL in old.columns and LABEL in new.columns
    key_of = partial(lake.shard, old.reference.dataset)
    content = partial(read_file, store, key_of)
    total, done, lock = sum(one.bytes for one in work), 0, Lock()

    def facts(one: Apart) -> list[pa.RecordBatch | None]:
        nonlocal done
        sides = one.rows(content, key_of, (old if one.before else new).schema)
        number = splits.index(one.split)
        found = [None if rows is None else _facts_of(rows, number, prints, rest, labeled) for rows in sides]
        with lock:
            done += one.bytes
            progress(done, total)
        return found

    found = each(facts, work, _COPIES * max((one.bytes for one in work), default=0))
    before, after = (
        pa.Table.from_batches([pair[side] for pair in found if pair[side] is not None], schema=_FACTS)
        for side in (0, 1)
    )
    return before, after


def _facts_of(
    batch: pa.RecordBatch, split: int, prints: Fingerprints, rest: list[str], labeled: bool
) -> pa.RecordBatch:
    rows = batch.num_rows
    # A copy: the column itself is a view that would keep the whole shard in memory.
    ids = batch.column(SAMPLE_ID).take(pa.array(np.arange(rows)))
    labels = prints.column(LABEL, _as_text(batch.column(LABEL))) if labeled else np.zeros(rows, np.uint64)
    facts = [ids, np.full(rows, split, np.int32), labels, prints.rows(batch, rest)]
    return pa.RecordBatch.from_arrays([pa.array(fact) for fact in facts], schema=_FACTS)


def _as_text(labels: pa.Array) -> pa.Array:
    return labels if pa.types.is_binary(labels.type) else labels.cast(pa.string())


def _compare(before: pa.Table, after: pa.Table) -> dict[str, pa.Table]:
    """Kind → its rows."""
    where = pc.index_in(after[SAMPLE_ID], value_set=before[SAMPLE_ID])
    both = after.filter(pc.is_valid(where))
    # Without the ids: text of many chunks is slow to take, and may be more than one array can hold.
    was = before.drop_columns([SAMPLE_ID]).take(where.drop_null())
    differing = {
        kind: both.filter(pc.not_equal(both[name], was[name]))
        for kind, name in (("relabeled", LABEL), ("moved", SPLIT), ("changed", _REST))
    }
    removed = pc.invert(pc.is_in(before[SAMPLE_ID], value_set=after[SAMPLE_ID]))
    return {"added": after.filter(pc.is_null(where)), "removed": before.filter(removed), **differing}


def _first(rows: pa.Table) -> list[str]:
    """The ids of the first rows by id."""
    picked = pc.select_k_unstable(rows, k=EXAMPLES, sort_keys=[(SAMPLE_ID, "ascending")])
    ids: list[str] = rows[SAMPLE_ID].take(picked).to_pylist()
    return ids


def _touched(old: _Version, new: _Version) -> dict[str, int]:
    """What who has `old` must fetch for `new`, and what all of `new` is: files, of; bytes, of_bytes."""
    there, all_ = (
        {file.sha256: file.bytes for shard in version.manifest.shards for file in shard.files}
        for version in (old, new)
    )
    touched = [size for digest, size in all_.items() if digest not in there]
    sizes = {"bytes": sum(touched), "of_bytes": sum(all_.values())}
    return {"touched": len(touched), "of": len(all_), **sizes}


def _documents(store: Store, lake: Lake, old: _Version, new: _Version, name: str) -> dict[str, Any]:
    """The digests, and in `changes` the fields that differ; null when one of the two was not kept."""
    digests = [getattr(version.manifest, name) for version in (old, new)]
    before, after = (find_document(store, lake, old.reference.dataset, digest) for digest in digests)
    told = None if before is None or after is None else [*changes(before, after)]
    return {**_pair(*digests), "changes": told}


def _pair(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _shares(before: dict[str, int], after: dict[str, int]) -> dict[str, dict[str, float]]:
    """Name → its share of all rows, before and after."""
    old, new = sum(before.values()) or 1, sum(after.values()) or 1
    return {name: _pair(before.get(name, 0) / old, after.get(name, 0) / new) for name in {**before, **after}}


def _columns(before: dict[str, str], after: dict[str, str]) -> dict[str, Any]:
    """added and removed: name → type; retyped: name → types before and after; reordered."""
    common = [name for name in after if name in before]
    return {
        "added": {name: kind for name, kind in after.items() if name not in before},
        "removed": {name: kind for name, kind in before.items() if name not in after},
        "retyped": {name: _pair(before[name], after[name]) for name in common if before[name] != after[name]},
        "reordered": common != [name for name in before if name in after],
    }
