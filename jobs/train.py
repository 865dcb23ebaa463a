"""Train the recipe's baseline on the newest version, and complete the version's card in the lake with it."""

import lakemint
from lakemint.config import Config, load_config
from lakemint.dataset.recipe import Baseline, load_recipe
from lakemint.digest import canonical
from lakemint.errors import TooFewExamples, VersionNotFound
from lakemint.export.card import keep_card
from lakemint.feed import Version
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.baseline import read_baseline
from lakemint.store import open_store
from lakemint.train.baseline import score


def main(dataset: str) -> Outcome:
    """Score the newest version and store its card; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    published = lakemint.versions(dataset)
    if not published:
        raise VersionNotFound(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    version = lakemint.open(published[-1])
    trained = _trained(config, version, recipe.baseline)
    drawn = keep_card(config, Reference(dataset, version.number))
    return Outcome(version.name, version.digest, trained.changed or drawn, trained.counts, trained.details)


def _trained(config: Config, version: Version, baseline: Baseline | None) -> Outcome:
    """The baseline's score, as it is stored by now."""
    store, lake = open_store(config), Lake(config.need("lake"))
    if baseline is None:
        return Outcome(
            version.name, version.digest, changed=False, details={"baseline": "none in the recipe"}
        )
    known = read_baseline(store, lake, version.dataset, version.number, version.digest)
    try:
        marks = known or score(version, baseline)
    except TooFewExamples as error:
        return Outcome(version.name, version.digest, changed=False, details={"baseline": f"none: {error}"})
    if known is None:
        where = lake.card(version.dataset, version.number, "baseline.json")
        store.put(where, canonical(marks.model_dump(mode="json")))
    counts = {"train_rows": marks.train_rows, "test_rows": marks.test_rows}
    return Outcome(version.name, version.digest, known is None, counts, {"accuracy": marks.accuracy})


if __name__ == "__main__":
    runner.run(main)
