"""Train the recipe's baseline on the newest version and put its score on the version's card."""

import lakemint
from lakemint.config import load_config
from lakemint.dataset.recipe import load_recipe
from lakemint.digest import canonical
from lakemint.errors import TooFewExamples, VersionNotFound
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.published.baseline import read_baseline
from lakemint.store import open_store
from lakemint.train.baseline import score


def main(dataset: str) -> Outcome:
    """Score the newest version; a second run changes nothing."""
    config = load_config()
    store, recipe = open_store(config), load_recipe(config.schemas_folder(), dataset)
    published = lakemint.versions(dataset)
    if not published:
        raise VersionNotFound(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    version = lakemint.open(published[-1])
    if recipe.baseline is None:
        return Outcome(
            version.name, version.digest, changed=False, details={"baseline": "none in the recipe"}
        )
    lake = Lake(config.need("lake"))
    known = read_baseline(store, lake, dataset, version.number)
    changed = known is None or known.manifest != version.digest
    try:
        marks = score(version, recipe.baseline) if changed or known is None else known
    except TooFewExamples as error:
        return Outcome(version.name, version.digest, changed=False, details={"baseline": f"none: {error}"})
    if changed:
        store.put(lake.card(dataset, version.number, "baseline"), canonical(marks.model_dump(mode="json")))
    counts = {"train_rows": marks.train_rows, "test_rows": marks.test_rows}
    return Outcome(version.name, version.digest, changed, counts, {"accuracy": marks.accuracy})


if __name__ == "__main__":
    runner.run(main)
