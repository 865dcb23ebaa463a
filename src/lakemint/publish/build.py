"""From the states of tables to shards in the store and the manifest that binds them."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lakemint.config import Config
from lakemint.publish.direct_source import DirectSource
from lakemint.publish.increment import splits_after, splits_of
from lakemint.publish.manifest import Basis, conserved, manifest_of, split_records
from lakemint.publish.plain import NotPlain
from lakemint.publish.source import Grown, Source
from lakemint.published.records import Manifest, SplitRecord


@dataclass(frozen=True)
class Builder:
    """What building a version needs beside what the version is made of."""

    config: Config
    buckets: int

    def build(
        self, basis: Basis, labels: Mapping[str, Any], splits: Iterable[str], base: Manifest | None
    ) -> Manifest:
        """Write the shards, and return the manifest; the same arguments always make the same.

        `labels` is the summary in the note of the labels' commit. With a `base` only what changed since is
        written. This process does it alone, or Spark where the tables are not plain or too large: what either
        writes is the same. Raises ConservationError, LakemintError for a type that cannot be published,
        IntegrityError and StoreError.
        """
        splits = [*splits]
        try:
            alone = DirectSource(self.config, basis, self.buckets)
            return manifest_from(alone, basis, labels, splits, base, buckets=self.buckets)
        except NotPlain as reason:
            print(f"read by Spark: {reason}", flush=True)
        from lakemint.publish.spark_source import spark_source

        with spark_source(self.config, basis, self.buckets) as source:
            return manifest_from(source, basis, labels, splits, base, buckets=self.buckets)


def manifest_from(  # noqa: PLR0913
    source: Source,
    basis: Basis,
    labels: Mapping[str, Any],
    splits: Iterable[str],
    base: Manifest | None,
    *,
    buckets: int,
) -> Manifest:
    """As `Builder.build`, of a source."""
    if base is not None and [(column.name, column.type) for column in base.columns] != [*source.columns]:
        base = None
    if base is None:
        with ThreadPoolExecutor(1) as beside:  # it waits for other files than writing does
            counting = beside.submit(lambda: conserved(basis.dataset, source.counts(None)))
            records = split_records(splits, source.write())
        counts = counting.result()
    else:
        records, grown = _after(source, basis, base)
        counts = conserved(basis.dataset, source.counts(_known_unlabeled(basis, base, grown)))
    digest = base.digest if base else None
    return manifest_of(basis, source.columns, labels, counts, records, buckets=buckets, base=digest)


def _after(source: Source, basis: Basis, base: Manifest) -> tuple[dict[str, SplitRecord], Grown | None]:
    """The base's splits with what changed in gold since; None when it is the same gold."""
    if base.inputs["gold"].version == basis.inputs["gold"].version:
        return splits_of(base), None
    grown = source.grow(base)
    return splits_after(base, grown.changes, grown.contents, grown.anew, grown.overlays), grown


def _known_unlabeled(basis: Basis, base: Manifest, grown: Grown | None) -> int | None:
    """How many samples have no label, where it follows from the base: the same samples, all and labeled."""
    same_gold = grown is None or grown.same_samples
    same = same_gold and base.inputs["silver"] == basis.inputs["silver"] and base.revises is None
    return base.counts.unlabeled if same else None
