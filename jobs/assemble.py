"""Assemble gold: every labeled sample of silver, with its label and its split."""

from lakemint.assemble.table import bring_up_to_date
from lakemint.assemble.transforms import gold
from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import SPLIT
from lakemint.spark import commit_note, read_table, spark_session
from lakemint.splits import told_by
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Bring gold up to date when silver, labels, recipe or contract changed; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    contract = load_contract(config.schemas_folder(), dataset)
    lake = Lake(config.need("lake"))
    log = DeltaLog(open_store(config), lake, dataset)
    inputs = {name: log.need(name).at for name in ("silver", "labels", told_by(recipe, log)) if name}
    with spark_session(config) as spark:
        tables = {
            name: read_table(spark, lake.table(name, dataset), at.version) for name, at in inputs.items()
        }
        note = commit_note("assemble", recipe.digest, contract.digest, **inputs)
        uri = lake.table("gold", dataset)
        made, changed = bring_up_to_date(gold(tables, contract.table("gold"), recipe.split), uri, log, note)
        splits = read_table(spark, uri, made.version).groupBy(SPLIT).count().collect()
        counts = {row[SPLIT]: row["count"] for row in splits}
        labeled = sum(counts.values())
        counts |= {"labeled": labeled, "unlabeled": tables["silver"].count() - labeled}
    return Outcome(f"gold/{dataset}", str(made.version), changed, counts)


if __name__ == "__main__":
    runner.run(main)
