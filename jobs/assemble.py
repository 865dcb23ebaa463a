"""Assemble gold: every labeled sample of silver, with its label and its split."""

from lakemint import jobs
from lakemint.assemble.transforms import gold
from lakemint.config import load
from lakemint.contract import load_contract
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.names import SPLIT
from lakemint.outcome import Outcome
from lakemint.recipe import load_recipe
from lakemint.spark import commit_note, last_commit, read_table, replace_table, spark_session, table_version


def main(dataset: str) -> Outcome:
    """Write gold anew when silver, labels, recipe or contract changed; a second run changes nothing."""
    config = load()
    recipe = load_recipe(config.datasets(), dataset)
    contract = load_contract(config.datasets(), dataset)
    lake = Lake(config.need("lake"))
    uri = {name: lake.table(name, dataset) for name in ("silver", "labels", "gold")}
    with spark_session(config) as spark:
        inputs = {name: table_version(spark, uri[name]) for name in ("silver", "labels")}
        if missing := [name for name, version in inputs.items() if version is None]:
            raise LakemintError(f"there is no {missing[0]}/{dataset} yet; `lakemint run {dataset}` makes it")
        silver, labels = (read_table(spark, uri[name], version) for name, version in inputs.items())
        note = commit_note("assemble", recipe.digest, contract.digest, **inputs)
        version, known = last_commit(spark, uri["gold"]) or (None, {})
        if changed := known != note:
            replace_table(gold(silver, labels, contract.table("gold"), recipe.split), uri["gold"], note)
            version = table_version(spark, uri["gold"])
        splits = read_table(spark, uri["gold"], version).groupBy(SPLIT).count().collect()
        counts = {row[SPLIT]: row["count"] for row in splits}
        labeled = sum(counts.values())
        counts |= {"labeled": labeled, "unlabeled": silver.count() - labeled}
    return Outcome(f"gold/{dataset}", str(version), changed, counts)


if __name__ == "__main__":
    jobs.run(main)
