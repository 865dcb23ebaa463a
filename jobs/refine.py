"""Refine bronze into silver; what leaves goes to rejected, with its reason.

Both tables are made anew from one version of bronze, silver last, with a note of what it was made from: a run
that is killed anywhere is completed by the next one.
"""

from lakemint import jobs
from lakemint.config import load
from lakemint.contract import load_contract
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.outcome import Outcome
from lakemint.recipe import load_recipe
from lakemint.refine.transforms import STAGE, check_conservation, mark, rejected_of, silver_of
from lakemint.spark import (
    commit_note,
    last_commit,
    read_table,
    replace_rows,
    replace_table,
    spark_session,
    table_version,
)


def main(dataset: str) -> Outcome:
    """Refine a dataset's bronze; a second run changes nothing."""
    config = load()
    recipe, contract = load_recipe(config.datasets(), dataset), load_contract(config.datasets(), dataset)
    columns = contract.table("silver").columns
    lake = Lake(config.need("lake"))
    bronze, silver, rejected = (lake.table(name, dataset) for name in ("bronze", "silver", "rejected"))
    with spark_session(config) as spark:
        landed = last_commit(spark, bronze)
        if landed is None:
            raise LakemintError(f"bronze/{dataset}: no such table; ingest first: lakemint run {dataset}")
        note = commit_note(STAGE, recipe.digest, contract.digest, bronze=landed[0])
        done = last_commit(spark, silver)
        if done and done[1] == note:
            return Outcome(f"silver/{dataset}", str(done[0]), changed=False)
        records = read_table(spark, bronze, landed[0])
        rows = mark(records, recipe, columns).localCheckpoint(eager=True)
        counts = check_conservation(rows, records)
        replace_rows(rejected_of(rows), rejected, f"stage = '{STAGE}'", note)
        replace_table(silver_of(rows, columns), silver, note)
        return Outcome(f"silver/{dataset}", str(table_version(spark, silver)), changed=True, counts=counts)


if __name__ == "__main__":
    jobs.run(main)
