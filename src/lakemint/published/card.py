"""A version's card: what it holds, where its records went, how good its labels are, who judged it."""

from dataclasses import asdict
from typing import Any

from lakemint.config import Config
from lakemint.dataset.contract import CONTRACT_TABLES
from lakemint.lake import Lake
from lakemint.names import by_use
from lakemint.published.baseline import read_baseline
from lakemint.published.catalog import no_such_version, numbers
from lakemint.published.present import missing, stored
from lakemint.published.records import Manifest, SplitRecord
from lakemint.published.signatures import signers
from lakemint.published.version_record import VersionRecord, find_manifest, open_manifest, read_version
from lakemint.store import Store, open_store
from lakemint.verdicts import digest, verdicts_on


def listing(config: Config, dataset: str) -> list[dict[str, Any]]:
    """One entry a version, oldest first: name, digest, rows, splits, when, baseline, and if it was retired.

    Of a retired version whose manifest is gone, rows and splits are None; `gone` says that files are.
    """
    lake, store = Lake(config.need("lake")), open_store(config)
    records = [read_version(store, lake, dataset, number) for number in numbers(store, lake, dataset)]
    there = stored(store, lake, dataset) if any(record.retired for record in records) else {}
    entries = []
    for record in records:
        number = record.version
        manifest = find_manifest(store, lake, record)
        baseline = read_baseline(store, lake, dataset, number, record.manifest)
        entries.append(
            {
                "version": number,
                "name": f"{dataset}@{number}",
                "digest": record.manifest,
                "rows": manifest.counts.published if manifest else None,
                "splits": {name: split.rows for name, split in _splits(manifest)} if manifest else None,
                "published_at": record.published_at,
                "baseline": baseline.accuracy if baseline else None,
                **_retired(lake, record, manifest, there),
            }
        )
    return entries


def card(config: Config, dataset: str, number: int | None = None) -> dict[str, Any]:
    """All there is to say of a version, as plain data; of the newest one when no number is given.

    Whether a trusted key signed it is only said: a version is shown also where it would not be opened. Raises
    VersionNotFound, VersionRetired when the manifest of a retired one is gone, IntegrityError,
    FormatError, StoreError.
    """
    lake, store = Lake(config.need("lake")), open_store(config)
    there = numbers(store, lake, dataset)
    if not there or (number is not None and number not in there):
        raise no_such_version(dataset, f"{dataset}@{number}" if number else dataset, there)
    number = number or there[-1]
    record = read_version(store, lake, dataset, number)
    manifest = open_manifest(store, lake, record)
    baseline = read_baseline(store, lake, dataset, number, record.manifest)
    content = manifest.content
    same = ("contract", "recipe", "lakemint", "inputs", "schema", "counts", "labels")
    return {
        "name": f"{dataset}@{number}",
        "dataset": dataset,
        "version": number,
        "digest": record.manifest,
        "published_at": record.published_at,
        **_retired(lake, record, manifest, stored(store, lake, dataset) if record.retired else {}),
        **{name: content[name] for name in same},
        "code": manifest.code,
        "erased": manifest.erased,
        "revisions": [revision.model_dump(mode="json") for revision in record.revisions],
        "splits": {
            name: {
                "rows": split.rows,
                "labels": split.labels,
                "shards": len(split.shards),
                "bytes": sum(shard.stored for shard in split.shards),
            }
            for name, split in _splits(manifest)
        },
        "verdicts": list(_verdicts(store, lake, dataset, manifest)),
        "signatures": [
            asdict(one) for one in signers(store, lake, dataset, record.manifest, config.trusted_keys)
        ],
        "baseline": baseline.model_dump(mode="json") if baseline else None,
        "files": sorted(f"{lake.root}/{item.key}" for item in store.list(lake.cards(dataset, number))),
    }


def _retired(
    lake: Lake, record: VersionRecord, manifest: Manifest | None, there: dict[str, int]
) -> dict[str, Any]:
    """When a version came out of use, by whom and why, None if it did not; whether files of it are gone."""
    retired = record.retired
    gone = retired is not None and (manifest is None or bool(missing(lake, manifest, there)))
    return {"retired": retired.model_dump(mode="json") if retired else None, "gone": gone}


def _splits(manifest: Manifest) -> list[tuple[str, SplitRecord]]:
    return [(name, manifest.splits[name]) for name in by_use(manifest.splits)]


def _verdicts(store: Store, lake: Lake, dataset: str, manifest: Manifest) -> Any:
    """The verdicts the manifest binds: digest, table, version, passed, number of checks, the failed ones."""
    for table in (name for name in CONTRACT_TABLES if name in manifest.inputs):
        for verdict in verdicts_on(store, lake, dataset, table, manifest.inputs[table]):
            if digest(verdict) in manifest.verdicts:
                yield {
                    "digest": digest(verdict),
                    "table": table,
                    "version": manifest.inputs[table].version,
                    "passed": verdict["passed"],
                    "checks": len(verdict["checks"]),
                    "failed": [_failure(check) for check in verdict["checks"] if not check["passed"]],
                }


def _failure(check: dict[str, Any]) -> dict[str, Any]:
    return {name: check[name] for name in ("name", "column", "severity", "broken")}
