"""Refine bronze into silver; what leaves goes to rejected, with its reason.

Both tables are made anew from one version of bronze, silver last, with a note of what it was made from: a run
that is killed anywhere is completed by the next one. Tables that remember samples only grow, and go first.
"""

from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.refine.apart import Apart
from lakemint.refine.transforms import STAGE, check_conservation, mark, rejected_of, silver_of
from lakemint.spark import commit_note, read_table, replace_rows, replace_table, spark_session
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Refine a dataset's bronze; a second run changes nothing."""
    config = load_config()
    schemas = config.schemas_folder()
    recipe, contract = load_recipe(schemas, dataset), load_contract(schemas, dataset)
    columns = contract.table("silver").columns
    lake, store = Lake(config.need("lake")), open_store(config)
    log, apart = DeltaLog(store, lake, dataset), Apart(store, lake, recipe)
    landed = log.need("bronze").at
    note = commit_note(STAGE, recipe.digest, contract.digest, bronze=landed)
    done = [log.last(table) for table in ("silver", "rejected")]
    if done[0] and all(last and last.note == note for last in done) and apart.is_there:
        return Outcome(f"silver/{dataset}", str(done[0].version), changed=False)
    bronze, silver, rejected = (lake.table(name, dataset) for name in ("bronze", "silver", "rejected"))
    with spark_session(config) as spark:
        records = read_table(spark, bronze, landed.version)
        rows = apart.keep(mark(records, recipe, columns).localCheckpoint(eager=True), note)
        counts = check_conservation(rows, records)
        replace_rows(rejected_of(rows), rejected, f"stage = '{STAGE}'", note)
        replace_table(silver_of(rows, columns), silver, note)
    return Outcome(f"silver/{dataset}", str(log.version("silver")), changed=True, counts=counts)


if __name__ == "__main__":
    runner.run(main)
