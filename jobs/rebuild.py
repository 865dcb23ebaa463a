"""Build a published version again from the table versions it was made of, and compare the digests.

What it writes is under its own digest: shards that were lost are there again, and nothing else changes.
"""

from lakemint.config import load_config
from lakemint.delta_log import DeltaLog
from lakemint.errors import IntegrityError, LakemintError
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.publish.build import Builder
from lakemint.publish.manifest import basis_again
from lakemint.published.documents import changes, need_document
from lakemint.published.leases import lease
from lakemint.published.records import read_manifest
from lakemint.published.signatures import require_trusted
from lakemint.published.version_record import open_manifest, read_version
from lakemint.store import open_store


def main(dataset: str, version: str) -> Outcome:
    """Rebuild `dataset`@`version`; raises IntegrityError, naming what differs, for another digest."""
    config = load_config()
    lake, store = Lake(config.need("lake")), open_store(config)
    record = read_version(store, lake, dataset, int(version))
    published = open_manifest(store, lake, record)
    require_trusted(store, lake, config.trusted_keys, Reference(dataset, record.version), record.manifest)
    if published.revises:
        raise LakemintError(f"{dataset}@{version}: rows were erased from it and from what it was made of")
    if not published.tells_content:
        raise LakemintError(f"{dataset}@{version} was published by an older Lakemint, which can rebuild it")
    recipe = need_document(store, lake, dataset, published.recipe)
    log = DeltaLog(store, lake, dataset)
    commits = {table: log.demand(table, at) for table, at in published.inputs.items()}
    with lease(store, lake, dataset, "publish"):
        labels = commits["labels"].note.get("summary", {})
        builder = Builder(config, recipe["publish"]["buckets"])
        base = read_manifest(store, lake, dataset, published.base) if published.base else None
        rebuilt = builder.build(basis_again(published), labels, published.splits, base)
    if rebuilt.digest != record.manifest:
        told = "; ".join(one["field"] for one in changes(published.content, rebuilt.content))
        raise IntegrityError(
            f"{dataset}@{version}: rebuilt as {rebuilt.digest}, not {record.manifest}: {told[:500]}"
        )
    return Outcome(f"{dataset}@{version}", rebuilt.digest, changed=False, counts=rebuilt.counts.model_dump())


if __name__ == "__main__":
    runner.run(main)
