"""From table versions, counts and written shards to a manifest: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from lakemint.code import code_digest
from lakemint.delta_log import Commit
from lakemint.errors import ConservationError, LakemintError
from lakemint.names import TableVersion
from lakemint.published import content
from lakemint.published.records import ColumnRecord, Counts, LabelSummary, Manifest, ShardRecord, SplitRecord

NEEDED: Final = ("objects", "silver", "labels", "gold")
"""Tables without which nothing can be published."""
_CHAINED: Final = ("silver", "labels", "gold")
"""Tables that must be made from the newest of those before them; not of annotations, which go on coming."""


@dataclass(frozen=True)
class Basis:
    """All that a version is made of. The same basis makes the same manifest."""

    dataset: str
    contract: str
    recipe: str
    lakemint: str
    inputs: dict[str, TableVersion]
    verdicts: list[str]
    """Digests, sorted."""
    code: str | None = None

    def is_that_of(self, manifest: Manifest) -> bool:
        return all(getattr(manifest, name) == value for name, value in vars(self).items())


def basis_of(
    dataset: str, contract: str, recipe: str, commits: Mapping[str, Commit], verdicts: Iterable[str]
) -> Basis:
    """The basis; `contract` and `recipe` are digests, `commits` the tables' newest.

    Of the annotations, it is the state that the labels are made from: people may be answering just now.
    """
    inputs = {table: commit.at for table, commit in commits.items()}
    if "annotations" in inputs:
        inputs["annotations"] = _used(commits["labels"]).get("annotations", inputs["annotations"])
    return Basis(dataset, contract, recipe, version("lakemint"), inputs, sorted(verdicts), code_digest())


def basis_again(manifest: Manifest) -> Basis:
    """The basis that a manifest was made of."""
    return Basis(**{name: getattr(manifest, name) for name in Basis.__dataclass_fields__})


def require_current(dataset: str, contract: str, recipe: str, commits: Mapping[str, Commit]) -> None:
    """Raises LakemintError when a table is missing, or was made from what has changed since."""
    for table in NEEDED:
        if table not in commits:
            raise LakemintError(f"there is no {table}/{dataset} yet; `lakemint run {dataset}` makes it")
    stale = [reason for table in _CHAINED for reason in _stale(table, commits)]
    for table in ("silver", "labels", "gold"):
        note = commits[table].note
        for what, digest in (("recipe", recipe), ("contract", contract)):
            if note.get(what) not in (None, digest):
                stale.append(f"{table} was made by another {what} than schemas/{dataset}/{what}.yaml is now")
    if stale:
        raise LakemintError(f"{dataset}: {'; '.join(stale)}: `lakemint run {dataset}` brings all up to date")


def _stale(table: str, commits: Mapping[str, Commit]) -> Iterable[str]:
    for source, used in _used(commits[table]).items():
        if source == "annotations" or source not in commits:
            continue
        there = commits[source].at
        if used.version != there.version:
            yield f"{table} was made from version {used.version} of {source}, which is at {there.version}"
        elif used != there:
            yield f"{table} was made from another table that stood at {source}'s place"


def _used(commit: Commit) -> dict[str, TableVersion]:
    """Table → the state of it that a commit was made from, by its note."""
    inputs: dict[str, dict[str, Any]] = commit.note.get("inputs", {})
    return {table: TableVersion(**at) for table, at in inputs.items() if isinstance(at, dict)}


def conserved(dataset: str, counted: Iterable[tuple[str, int]]) -> Counts:
    """(name, rows) as `Counts`; raises ConservationError, with the numbers, when they do not add up."""
    counts = Counts(**(dict.fromkeys(Counts.model_fields, 0) | dict(counted)))
    out = counts.published + counts.unlabeled + counts.rejected + counts.quarantined
    if counts.raw != out:
        raise ConservationError(
            f"{dataset}: {counts.raw} raw records ≠ {counts.published} published + {counts.unlabeled}"
            f" unlabeled + {counts.rejected} rejected + {counts.quarantined} quarantined = {out}; nothing was"
            f" published: `lakemint run {dataset}` again, and if it stays, keep the tables and report it"
        )
    return counts


def split_records(names: Iterable[str], written: Iterable[Mapping[str, Any]]) -> dict[str, SplitRecord]:
    """Split → its shards in the order of their buckets; splits of `names` without rows are there, empty.

    `written`: one mapping a shard, with split, bucket, sha256, bytes, rows, content and labels, which is
    label → rows.
    """
    rows = sorted(written, key=lambda row: (row["split"], row["bucket"]))
    splits = dict.fromkeys([*names, *(row["split"] for row in rows)])
    return {name: _split([row for row in rows if row["split"] == name]) for name in splits}


def _split(rows: list[Mapping[str, Any]]) -> SplitRecord:
    labels: dict[str, int] = {}
    for row in rows:
        for label, count in row["labels"].items():
            labels[label] = labels.get(label, 0) + count
    shards = [shard_record(row) for row in rows]
    whole = content.total(row["content"] for row in rows)
    return SplitRecord(rows=sum(shard.rows for shard in shards), labels=labels, content=whole, shards=shards)


def shard_record(row: Mapping[str, Any]) -> ShardRecord:
    """The record of a shard that was written whole: bucket, sha256, bytes, rows."""
    return ShardRecord(**{name: row[name] for name in ("bucket", "sha256", "bytes", "rows")})


def manifest_of(  # noqa: PLR0913
    basis: Basis,
    columns: Iterable[tuple[str, str]],
    labels: Mapping[str, Any],
    counts: Counts,
    splits: dict[str, SplitRecord],
    *,
    buckets: int,
    base: str | None = None,
) -> Manifest:
    """Everything bound together; `labels` is the summary in the note of the labels' commit.

    `base` is the digest of the manifest that `splits` go on from.

    Raises ConservationError when the shards do not hold all of gold.
    """
    sharded = sum(split.rows for split in splits.values())
    if sharded != counts.published:
        raise ConservationError(
            f"{basis.dataset}: gold has {counts.published} rows, its shards {sharded}; nothing was published"
        )
    known = {name: labels[name] for name in LabelSummary.model_fields if name in labels}
    return Manifest(
        **vars(basis),
        schema=[ColumnRecord(name=name, type=kind) for name, kind in columns],
        labels=LabelSummary(**known),
        counts=counts,
        base=base,
        buckets=buckets,
        splits=splits,
    )
