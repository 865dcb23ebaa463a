"""Publish gold as the dataset's next version, unless the newest one is made of the same.

Shards go first, then the manifest, then the record that commits it: a run that is killed anywhere leaves the
old state or the new one, and is completed by the next.
"""

from datetime import UTC, datetime

from lakemint import jobs
from lakemint.config import load
from lakemint.contract import load_contract
from lakemint.lake import Lake
from lakemint.names import SPLITS, TABLES
from lakemint.outcome import Outcome
from lakemint.publish.commit import commit, newest_of
from lakemint.publish.manifest import basis_of, conserved, manifest_of, require_current, split_records
from lakemint.publish.shards import ShardWriter, written
from lakemint.publish.transforms import columns_of, count_records, shards
from lakemint.recipe import load_recipe
from lakemint.spark import last_commit, read_table, spark_session
from lakemint.store import open_store
from lakemint.verdicts import passing


def main(dataset: str) -> Outcome:
    """Publish a dataset; a second run changes nothing."""
    config = load()
    lake, store = Lake(config.need("lake")), open_store(config)
    recipe, contract = load_recipe(config.datasets(), dataset), load_contract(config.datasets(), dataset)
    with spark_session(config) as spark:
        found = {table: last_commit(spark, lake.table(table, dataset)) for table in TABLES}
        commits = {table: last for table, last in found.items() if last is not None}
        require_current(dataset, contract.digest, recipe.digest, commits)
        judged = [
            passing(store, lake, dataset, contract.table(name), commits[name][0])
            for name in ("silver", "gold")
        ]
        basis = basis_of(dataset, contract.digest, recipe.digest, commits, judged)
        if (same := newest_of(store, lake, basis)) is not None:
            return Outcome(f"{dataset}@{same.version}", same.manifest, changed=False)
        tables = {name: read_table(spark, lake.table(name, dataset), at) for name, at in basis.inputs.items()}
        columns = columns_of(tables["gold"])
        writer = ShardWriter(dataset, config.lake, config.s3_endpoint, config.s3_region, columns)
        counts = conserved(dataset, ((row["name"], row["rows"]) for row in count_records(tables).collect()))
        said = shards(tables["gold"], recipe.publish.buckets, writer).collect()
    splits = split_records(SPLITS, written(row.asDict() for row in said))
    labels = commits["labels"][1].get("summary", {})
    manifest = manifest_of(basis, columns, labels, counts, splits)
    record, made = commit(store, lake, manifest, lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    return Outcome(f"{dataset}@{record.version}", record.manifest, made, counts.model_dump())


if __name__ == "__main__":
    jobs.run(main)
