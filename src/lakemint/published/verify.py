"""Whether a version is, byte for byte, what was published: every object of it is read again and checked."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from lakemint.config import Config
from lakemint.digest import canonical
from lakemint.errors import FormatError, IntegrityError, VersionRetired
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID, Reference
from lakemint.published.documents import need_document
from lakemint.published.judged import verdicts_of
from lakemint.published.present import whole_manifest
from lakemint.published.records import FileRecord, Manifest, ShardRecord, parse, read_manifest
from lakemint.published.shards import (
    Progress,
    decode,
    fetch,
    label_counts,
    merged,
    overlay_schema,
    schema_of,
)
from lakemint.published.signatures import distrust
from lakemint.published.taken import told
from lakemint.published.tallies import SHOWN, Content, Labels, Samples, listed, quoted
from lakemint.published.version_record import VersionRecord, find_version, read_version
from lakemint.store import Store, open_store


@dataclass(frozen=True)
class Problem:
    """What is wrong with one stored object."""

    key: str
    what: str


@dataclass(frozen=True)
class Verified:
    """What a verification found; counts are the manifest's, zero when there is none to be read."""

    name: str
    digest: str | None
    """Of the manifest, by the version record."""
    shards: int
    bytes: int
    """Of all shards together."""
    rows: int
    problems: list[Problem]

    @property
    def sound(self) -> bool:
        return not self.problems


def verify(config: Config, reference: Reference, progress: Progress = lambda done, total: None) -> Verified:
    """Read all of a version from the store, one shard at a time, and name everything that is wrong with it.

    Beside one shard it holds 16 bytes a row, to see that no sample is there twice. When an erasure takes
    rows meanwhile, it begins again. Raises VersionNotFound, VersionRetired when files of a retired version
    are gone, and StoreError when the store does not answer, which says nothing about the version.
    """
    lake, store = Lake(config.need("lake")), open_store(config)
    found = _Verification(store, lake, reference, progress).run()
    if found.problems and _is_revised(store, lake, reference, found.digest):
        return verify(config, reference, progress)
    if found.problems:
        _require_there(store, lake, reference)
    why = distrust(store, lake, config.trusted_keys, reference, found.digest) if found.digest else ""
    unsigned = [Problem(lake.signatures(reference.dataset, found.digest or ""), why)] if why else []
    return replace(found, problems=found.problems + unsigned)


def _is_revised(store: Store, lake: Lake, reference: Reference, digest: str | None) -> bool:
    """Whether the version stood for that manifest until an erasure took rows."""
    try:
        return digest in read_version(store, lake, reference.dataset, reference.number).digests[:-1]
    except (FormatError, IntegrityError):
        return False  # it is among what was found


def _require_there(store: Store, lake: Lake, reference: Reference) -> None:
    """Raises VersionRetired when files of a retired version are gone."""
    with suppress(FormatError, IntegrityError):  # they are among what was found
        record = read_version(store, lake, reference.dataset, reference.number)
        if record.retired and whole_manifest(store, lake, record) is None:
            raise VersionRetired(f"{told(reference, record.retired)}; files of it are gone since")


class _Verification:
    """One run over one version."""

    def __init__(self, store: Store, lake: Lake, reference: Reference, progress: Progress) -> None:
        self._store, self._lake, self._progress = store, lake, progress
        self._name, self._dataset, self._number = str(reference), reference.dataset, reference.number
        self._problems: list[Problem] = []
        self._samples = Samples()

    def run(self) -> Verified:
        record = self._record()
        manifest = self._manifest(record.manifest) if record else None
        shards = manifest.shards if manifest else []
        size = sum(shard.stored for shard in shards)
        if record and manifest:
            self._bound(manifest)
            self._content(manifest, self._lake.manifest(self._dataset, record.manifest), size)
        return Verified(
            name=self._name,
            digest=record.manifest if record else None,
            shards=len(shards),
            bytes=size,
            rows=sum(shard.rows for shard in shards),
            problems=list(dict.fromkeys(self._problems)),
        )

    def _add(self, key: str, what: object) -> None:
        # Our errors begin with the key.
        self._problems.append(Problem(key, str(what).removeprefix(f"{key}: ")))

    def _record(self) -> VersionRecord | None:
        key = self._lake.version(self._dataset, self._number)
        data = find_version(self._store, self._lake, self._dataset, self._number)
        try:
            record = parse(VersionRecord, data, key)
        except FormatError as error:
            self._add(key, error)
            return None
        if not _as_written(record, data):
            self._add(key, "changed since it was written; restore the object from a copy")
        if (record.dataset, record.version) != (self._dataset, self._number):
            self._add(key, f"it is the record of {record.dataset}@{record.version}")
        return record

    def _manifest(self, digest: str) -> Manifest | None:
        try:
            return read_manifest(self._store, self._lake, self._dataset, digest)
        except (IntegrityError, FormatError) as error:
            self._add(self._lake.manifest(self._dataset, digest), error)
            return None

    def _bound(self, manifest: Manifest) -> None:
        """What the manifest binds by digest besides its rows: contract, recipe, and what the gates said."""
        for digest in (manifest.contract, manifest.recipe):
            try:
                need_document(self._store, self._lake, self._dataset, digest)
            except IntegrityError as error:
                self._add(self._lake.document(self._dataset, digest), error)
        there = {found.digest for found in verdicts_of(self._store, self._lake, manifest)}
        for digest in manifest.verdicts:
            if digest not in there:
                what = f"no verdict {digest} that it binds, or changed since; restore it from a copy"
                self._add(f"verdicts/{self._dataset}/", what)

    def _content(self, manifest: Manifest, where: str, size: int) -> None:
        """The manifest against itself and against every shard."""
        for what in _contradictions(manifest):
            self._add(where, what)
        try:
            schema = schema_of(manifest, where)
        except FormatError as error:
            # No row can be read then; whether the bytes are the published ones can still be seen.
            self._add(where, error)
            schema = None
        done = 0
        for name, split in manifest.splits.items():
            labels, content, readable = Labels(split), Content(split), True
            for shard in split.shards:
                readable &= self._shard(shard, schema, labels, content)
                done += shard.stored
                self._progress(done, size)
            # Rows that cannot be read cannot be counted; their shard is named already.
            if readable and (what := labels.difference()):
                self._add(where, f"split {name}: its labels are not those of its shards: {what}")
            if readable and (what := content.difference()):
                self._add(where, f"split {name}: its content is not that of its shards: {what}")
        self._unique(schema)

    def _shard(self, shard: ShardRecord, schema: pa.Schema | None, labels: Labels, content: Content) -> bool:
        """Whether its rows could be read; a method of its own, so that the rows are gone when it is left."""
        batch = self._read(shard, schema)
        if batch is None:
            return False
        if batch.num_rows != shard.rows:
            what = f"{batch.num_rows:,} rows, the manifest says {shard.rows:,}"
            self._add(self._key(shard), what)
        self._samples.add(shard, batch.column(SAMPLE_ID))
        labels.count(label_counts(batch))
        content.add(batch)
        return True

    def _read(self, shard: ShardRecord, schema: pa.Schema | None) -> pa.RecordBatch | None:
        """Its rows, None when one of its files cannot be read; names what is wrong with each of them."""
        over = None if schema is None else overlay_schema(schema)
        rows = self._file(shard, schema)
        overlays = [self._file(file, over) for file in shard.overlays]
        for file, found in zip(shard.overlays, overlays, strict=True):
            if found is not None and found.num_rows != file.rows:
                self._add(self._key(file), f"{found.num_rows:,} rows, the manifest says {file.rows:,}")
        sound = [one for one in overlays if one is not None]
        if rows is None or len(sound) < len(overlays):
            return None
        return merged(rows, sound) if sound else rows

    def _file(self, file: FileRecord, schema: pa.Schema | None) -> pa.RecordBatch | None:
        key = self._key(file)
        try:
            data = fetch(self._store, key, file)
            batch = None if schema is None else decode(data, key, schema)
        except IntegrityError as error:
            self._add(key, error)
            return None
        for what in _disorder(batch) if batch is not None else ():
            self._add(key, what)
        return batch

    def _unique(self, schema: pa.Schema | None) -> None:
        """Names the shards with samples that the version has more than once, and some of those samples."""
        for shard, rows in self._samples.repeated():
            batch = self._read(shard, schema)
            if batch is not None:
                ids = batch.column(SAMPLE_ID).take(pa.array(rows[:SHOWN])).to_pylist()
                shown = listed([quoted(name) for name in ids], len(rows))
                what = f"rows whose {SAMPLE_ID} the version has more than once: {len(rows):,} ({shown})"
                self._add(self._key(shard), what)

    def _key(self, file: FileRecord) -> str:
        return self._lake.shard(self._dataset, file.sha256)


def _as_written(record: VersionRecord, data: bytes) -> bool:
    """By its canonical form and its seal."""
    try:
        return record.is_whole and canonical(record.model_dump(mode="json", exclude_unset=True)) == data
    except ValueError:  # what no canonical JSON can hold, so that we never wrote it
        return False


def _contradictions(manifest: Manifest) -> Iterator[str]:
    """Where a manifest does not agree with itself."""
    for name, split in manifest.splits.items():
        rows = sum(shard.rows for shard in split.shards)
        if split.rows != rows:
            yield f"split {name}: {split.rows:,} rows, its shards {rows:,} by the same manifest"
    counts = manifest.counts
    published = sum(split.rows for split in manifest.splits.values())
    if counts.published != published:
        yield f"{counts.published:,} rows published, its splits have {published:,}"
    out = counts.published + counts.unlabeled + counts.rejected + counts.quarantined + manifest.erased
    if counts.raw != out:
        what = "published, unlabeled, rejected, quarantined and erased"
        yield f"{counts.raw:,} raw records, but {out:,} {what} ones"


def _disorder(batch: pa.RecordBatch) -> Iterator[str]:
    """What is wrong with rows that can be read."""
    ids = batch.column(SAMPLE_ID)
    if ids.null_count:
        yield f"rows without a {SAMPLE_ID}: {ids.null_count:,}"
    if pc.any(pc.greater(ids[:-1], ids[1:])).as_py():
        yield f"its rows are not sorted by {SAMPLE_ID}"
