"""Assemble gold: every labeled sample of silver, with its label and its split."""

from lakemint.assemble.transforms import gold
from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import SPLIT
from lakemint.spark import (
    commit_note,
    read_table,
    replace_table,
    spark_session,
)
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Write gold anew when silver, labels, recipe or contract changed; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    contract = load_contract(config.schemas_folder(), dataset)
    lake = Lake(config.need("lake"))
    uri = {name: lake.table(name, dataset) for name in ("silver", "labels", "gold")}
    log = DeltaLog(open_store(config), lake, dataset)
    inputs = {name: log.need(name) for name in ("silver", "labels")}
    with spark_session(config) as spark:
        silver, labels = (read_table(spark, uri[name], version) for name, version in inputs.items())
        note = commit_note("assemble", recipe.digest, contract.digest, **inputs)
        version, known = log.last("gold") or (None, {})
        if changed := known != note:
            replace_table(gold(silver, labels, contract.table("gold"), recipe.split), uri["gold"], note)
            version = log.version("gold")
        splits = read_table(spark, uri["gold"], version).groupBy(SPLIT).count().collect()
        counts = {row[SPLIT]: row["count"] for row in splits}
        labeled = sum(counts.values())
        counts |= {"labeled": labeled, "unlabeled": silver.count() - labeled}
    return Outcome(f"gold/{dataset}", str(version), changed, counts)


if __name__ == "__main__":
    runner.run(main)
