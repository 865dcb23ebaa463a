"""Versions without the rows of an erased subject, each under its old number.

A version's shards that hold such rows are written anew without them, a manifest that says how many went takes
the place of the old one, and then the version record does: the one step that readers see. What no version
holds any more is deleted at last, whoever left it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakemint.digest import canonical, sha256
from lakemint.errors import IntegrityError, SignatureError
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, Reference
from lakemint.publish.keep import keep
from lakemint.publish.shards import encode
from lakemint.publish.signing import Signing
from lakemint.published.catalog import numbers
from lakemint.published.content import content_of, total
from lakemint.published.garbage import loose
from lakemint.published.leases import Lease
from lakemint.published.present import sizes, whole_manifest
from lakemint.published.records import FileRecord, Manifest, ShardRecord, SplitRecord
from lakemint.published.shards import (
    GONE,
    Progress,
    decode,
    fetch,
    label_counts,
    overlay_schema,
    read,
    schema_of,
)
from lakemint.published.signatures import signers
from lakemint.published.version_record import (
    Revision,
    VersionRecord,
    read_version,
    reading,
    replace_version,
    settled,
)
from lakemint.store.base import Store
from lakemint.subjects import Subjects


@dataclass(frozen=True)
class Sought:
    """Which rows are to go: those that name the subject, and those of some samples which name nobody."""

    samples: frozenset[str]
    subjects: Subjects

    def among(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Which of the rows are to go, of shape (rows,)."""
        found = pc.is_in(rows.column(SAMPLE_ID), value_set=pa.array(sorted(self.samples), pa.string()))
        column = self.subjects.column
        if column in rows.schema.names and pa.types.is_string(rows.schema.field(column).type):
            texts = rows.column(column)
            named = pa.array([self.subjects.is_named(text) for text in texts.to_pylist()], pa.bool_())
            # Somebody else may have given the same sample, and be the one whom an earlier version names.
            found = pc.or_(pc.and_(found, pc.is_null(texts)), named)
        return found


class Search:
    """Where the rows are in a dataset's versions. Each file is read once, one at a time."""

    def __init__(self, store: Store, lake: Lake, dataset: str, sought: Sought) -> None:
        self._store, self._lake, self._dataset, self._sought = store, lake, dataset, sought
        self._seen: dict[str, bool] = {}

    def versions(self) -> list[tuple[int, int]]:
        """Each version that has such rows, or hides them under overlays, with how many it has.

        Raises IntegrityError for a version that cannot be read, and StoreError.
        """
        found = []
        for number, manifest in self._whole():
            touched = self.files(manifest)
            if touched:
                shards = (one for one in manifest.shards if not touched.isdisjoint(digests(one)))
                rows = (self.rows(manifest, shard)[1] for shard in shards)
                found.append((number, sum(pc.sum(one, min_count=0).as_py() for one in rows)))
        return found

    def files(self, manifest: Manifest) -> set[str]:
        """The digests of a manifest's files that hold such rows, be it that overlays hide them."""
        schema = self._schema(manifest)
        over = overlay_schema(schema)
        return {
            file.sha256
            for shard in manifest.shards
            for file, columns in zip(shard.files, [schema, *[over] * len(shard.overlays)], strict=True)
            if self._holds(file, columns)
        }

    def rows(self, manifest: Manifest, shard: ShardRecord) -> tuple[pa.RecordBatch, pa.BooleanArray]:
        """A shard's rows, and which of them are sought."""
        key_of = partial(self._lake.shard, self._dataset)
        rows = read(self._store, key_of, shard, self._schema(manifest))
        return rows, self._sought.among(rows)

    def left(self) -> Iterator[str]:
        """Keys of files with such rows that no version holds any more, or never did; unreadable ones too.

        What is left of a retired version that is not whole, none holds.
        """
        prefix = self._lake.shards(self._dataset)
        held = {key for _, manifest in self._whole() for key, _ in sizes(self._lake, manifest)}
        for item in loose(self._store, self._lake, self._dataset, held):
            if item.key.startswith(prefix):
                digest = item.key.removeprefix(prefix).removesuffix(".arrow")
                with suppress(IntegrityError):
                    if not self._holds(FileRecord(sha256=digest, bytes=item.size, rows=0), None):
                        continue
                yield item.key

    def _whole(self) -> Iterator[tuple[int, Manifest]]:
        """The versions and their manifests, but for retired ones of which something is gone."""
        for number in numbers(self._store, self._lake, self._dataset):
            record = read_version(self._store, self._lake, self._dataset, number)
            if manifest := whole_manifest(self._store, self._lake, record):
                yield number, manifest

    def _schema(self, manifest: Manifest) -> pa.Schema:
        return schema_of(manifest, self._lake.manifests(self._dataset))

    def _holds(self, file: FileRecord, schema: pa.Schema | None) -> bool:
        if file.sha256 not in self._seen:
            key = self._lake.shard(self._dataset, file.sha256)
            rows = decode(fetch(self._store, key, file), key, schema)
            found = self._sought.among(rows)
            if GONE in rows.schema.names:
                found = pc.and_(found, pc.invert(rows.column(GONE)))
            self._seen[file.sha256] = bool(pc.any(found, min_count=0).as_py())
        return self._seen[file.sha256]


def digests(shard: ShardRecord) -> tuple[str, ...]:
    """Of all its files."""
    return tuple(file.sha256 for file in shard.files)


@dataclass(frozen=True)
class _Rewritten:
    """What a shard is without the rows."""

    shard: ShardRecord
    """Also one that has no rows any more: it keeps its place in the order of examples."""
    labels: dict[str, int]
    """Label → how many rows went."""
    content: str
    """Of the rows that went."""


class Eraser:
    """Takes the sought rows out of every version of a dataset; run again after a kill, it completes that."""

    def __init__(  # noqa: PLR0913
        self, store: Store, lake: Lake, dataset: str, *, sought: Sought, erasure: str, signing: Signing
    ) -> None:
        """`erasure` is its UUID; the new manifests are signed by `signing`, where there is a key."""
        self._store, self._lake, self._dataset = store, lake, dataset
        self._erasure, self._signing = erasure, signing
        self._search = Search(store, lake, dataset, sought)
        self._rewritten: dict[tuple[tuple[str, ...], tuple[int, ...]], _Rewritten] = {}

    def search(self) -> list[tuple[int, int]]:
        """Each version that `run` would revise, with how many of its rows go; raises as that does."""
        found = self._search.versions()
        for number, _ in found:
            self._require_signer(read_version(self._store, self._lake, self._dataset, number))
        return found

    def run(self, held: Lease, progress: Progress = lambda done, total: None) -> list[tuple[int, Revision]]:
        """Revise the versions; returns by number what this erasure made of each, whichever run did.

        Raises IntegrityError for a version that cannot be read, since what it holds is not known then,
        SignatureError for a signed one when there is no key to sign by, LakemintError when the lease `held`
        is about to end, and StoreError.
        """
        there = numbers(self._store, self._lake, self._dataset)
        for done, number in enumerate(there):
            progress(done, len(there))
            settled(partial(self._revise, number, held))
        for key in self._search.left():
            held.require()
            self._store.delete(key)
        progress(len(there), len(there))
        records = [read_version(self._store, self._lake, self._dataset, number) for number in there]
        return [
            (record.version, revision)
            for record in records
            for revision in record.revisions
            if revision.erasure == self._erasure
        ]

    def _revise(self, number: int, held: Lease) -> None:
        where = self._lake.version(self._dataset, number)
        there = self._store.stat(where)  # ahead of reading it: what is replaced is this one or none
        if there is None:
            raise IntegrityError(f"{where}: it went just now; restore it from a copy")
        record = read_version(self._store, self._lake, self._dataset, number)
        # Another run of the same erasure, thought dead, may be faster.
        with reading(self._store, self._lake, Reference(self._dataset, number), record.manifest):
            before = whole_manifest(self._store, self._lake, record)
            after = self._without(before) if before else None
        if before is None or after is None:
            return
        self._require_signer(record)
        content = canonical(after.content)
        digest = sha256(content)
        keep(self._store, self._lake.manifest(self._dataset, digest), content)
        if self._signing.vouched(record):
            self._signing.sign(digest)
        revision = Revision(
            manifest=record.manifest, rows=after.erased - before.erased, erasure=self._erasure
        )
        revised = {"manifest": digest, "revisions": [*record.revisions, revision]}
        held.require()  # asked last: one write is left
        replace_version(self._store, self._lake, record.model_copy(update=revised).sealed(), there.etag)

    def _require_signer(self, record: VersionRecord) -> None:
        by = signers(self._store, self._lake, self._dataset, record.manifest, "")
        if by and self._signing.key is None:
            raise SignatureError(
                f"{self._dataset}@{record.version} is signed by {by[0].key[:16]}…: what is left of it must "
                "be signed too, or nobody who trusts that key could open it; name the key by signing_key "
                "(LAKEMINT_SIGNING_KEY)"
            )

    def _without(self, before: Manifest) -> Manifest | None:
        """The manifest without the rows; None when no file of it holds any."""
        touched = self._search.files(before)
        if not touched:
            return None
        splits = {name: self._split(before, split, touched) for name, split in before.splits.items()}
        published = sum(split.rows for split in splits.values())
        gone = before.counts.published - published
        return before.model_copy(
            update={
                "splits": splits,
                "counts": before.counts.model_copy(update={"published": published}),
                "base": None,  # its shards are no longer those of the manifest that it went on from
                "revises": before.digest,
                "erased": before.erased + gone,
                "withdrawn": sorted({*before.withdrawn, *touched}),
            }
        )

    def _split(self, manifest: Manifest, split: SplitRecord, touched: set[str]) -> SplitRecord:
        shards: list[ShardRecord] = []
        labels, gone = dict(split.labels), []
        for shard in split.shards:
            files = digests(shard)
            if touched.isdisjoint(files):
                shards.append(shard)
                continue
            held = files, tuple(shard.erased)
            if held not in self._rewritten:
                self._rewritten[held] = self._rewrite(manifest, shard)
            new = self._rewritten[held]
            shards.append(new.shard)
            gone.append(new.content)
            for label, rows in new.labels.items():
                labels[label] -= rows
        return split.model_copy(
            update={
                "rows": sum(shard.rows for shard in shards),
                "labels": {label: rows for label, rows in labels.items() if rows},
                "content": split.content and total([split.content], gone),
                "shards": shards,
            }
        )

    def _rewrite(self, manifest: Manifest, shard: ShardRecord) -> _Rewritten:
        """Store the shard without the rows, as one file."""
        rows, found = self._search.rows(manifest, shard)
        left, gone = rows.filter(pc.invert(found)), rows.filter(found)
        first = np.delete(np.arange(shard.rows + len(shard.erased)), shard.erased)
        erased = sorted([*shard.erased, *first[found.to_numpy(zero_copy_only=False)].tolist()])
        columns = tuple((column.name, column.type) for column in manifest.columns)
        data = encode(pa.Table.from_batches([left]), columns)
        digest = sha256(data)
        keep(self._store, self._lake.shard(self._dataset, digest), data)
        size = {"sha256": digest, "bytes": len(data), "rows": left.num_rows}
        record = ShardRecord(**size, bucket=shard.bucket, erased=erased)
        return _Rewritten(record, label_counts(gone), content_of(gone))
