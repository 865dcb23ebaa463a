"""Publish gold as the dataset's next version, unless the newest one is made of the same.

Shards go first, then the signature, if there is a key to sign by, then the manifest, then the record that
commits it: a run that is killed anywhere leaves the old state or the new one, and is completed by the next.
"""

from lakemint.clock import utc_now
from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import SPLITS, TABLES
from lakemint.publish.base import is_base
from lakemint.publish.build import Builder
from lakemint.publish.commit import commit, newest
from lakemint.publish.keep import keep_document
from lakemint.publish.manifest import basis_of, require_current
from lakemint.publish.signing import Signing
from lakemint.published.leases import lease
from lakemint.store import open_store
from lakemint.store.safety import require_safe
from lakemint.verdicts import passing


def main(dataset: str) -> Outcome:
    """Publish a dataset; a second run changes nothing."""
    config = load_config()
    lake, store = Lake(config.need("lake")), open_store(config)
    before = newest(store, lake, dataset)  # ahead of all that it will be made of: see `commit`
    schemas = config.schemas_folder()
    recipe, contract = load_recipe(schemas, dataset), load_contract(schemas, dataset)
    log = DeltaLog(store, lake, dataset)
    commits = {table: last for table in TABLES if (last := log.last(table)) is not None}
    require_current(dataset, contract.digest, recipe.digest, commits)
    judged = [passing(store, lake, dataset, table, commits[table.name].at) for table in contract.tables]
    basis = basis_of(dataset, contract.digest, recipe.digest, commits, judged)
    signing = Signing.of(config, store, lake, dataset)
    there = signing.vouched(before)
    if before and there and basis.is_that_of(there):
        return Outcome(f"{dataset}@{before.version}", before.manifest, changed=False)
    require_safe(store, lake)
    with lease(store, lake, dataset, "publish") as held:
        builder = Builder(config, recipe.publish.buckets)
        labels = commits["labels"].note.get("summary", {})
        base = there if there and is_base(store, lake, there, basis, builder.buckets) else None
        manifest = builder.build(basis, labels, SPLITS, base)
        keep_document(store, lake, dataset, recipe.document)
        keep_document(store, lake, dataset, contract.document)
        signing.sign(manifest.digest)
        record, made = commit(store, lake, manifest, held, utc_now, after=before)
    return Outcome(f"{dataset}@{record.version}", record.manifest, made, manifest.counts.model_dump())


if __name__ == "__main__":
    runner.run(main)
