"""Train the recipe's baseline on the newest version and put its score on the version's card."""

import json

import lakemint
from lakemint import jobs
from lakemint.baseline import score
from lakemint.config import load
from lakemint.digest import canonical
from lakemint.errors import ObjectNotFound, VersionNotFound
from lakemint.lake import Lake
from lakemint.outcome import Outcome
from lakemint.recipe import load_recipe
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Score the newest version; a second run changes nothing."""
    config = load()
    store, recipe = open_store(config), load_recipe(config.datasets(), dataset)
    published = lakemint.versions(dataset)
    if not published:
        raise VersionNotFound(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    version = lakemint.open(published[-1])
    if recipe.baseline is None:
        return Outcome(
            version.name, version.digest, changed=False, details={"baseline": "none in the recipe"}
        )
    key = Lake(config.need("lake")).card(dataset, version.number, "baseline")
    try:
        known = json.loads(store.get(key, 1024 * 1024))
    except ObjectNotFound:
        known = {}
    changed = known.get("manifest") != version.digest
    marks = score(version, recipe.baseline) if changed else known
    if changed:
        store.put(key, canonical(marks))
    counts = {name: marks[name] for name in ("train_rows", "test_rows")}
    return Outcome(version.name, version.digest, changed, counts, {"accuracy": marks["accuracy"]})


if __name__ == "__main__":
    jobs.run(main)
