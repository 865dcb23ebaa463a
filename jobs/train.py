"""Train the recipe's baseline on the newest version, complete the version's card, and move on its channel."""

from typing import Any

import lakemint
from lakemint.config import Config, load_config
from lakemint.dataset.recipe import Baseline, load_recipe
from lakemint.errors import TooFewExamples, VersionNotFound
from lakemint.export.card import keep_card
from lakemint.feed import Version
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.names import Reference
from lakemint.release import advance
from lakemint.train.baseline import keep_score


def main(dataset: str) -> Outcome:
    """The newest version is scored, described, and where the recipe says so; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    published = lakemint.versions(dataset)
    if not published:
        raise VersionNotFound(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    version = lakemint.open(published[-1])
    reference, channel = Reference(dataset, version.number), recipe.publish.channel
    scored, counts, details = _scored(config, version, recipe.baseline)
    drawn = keep_card(config, reference)
    moved = advance(config, reference, channel) if channel else None
    if moved:
        details["channel"] = f"{dataset}@{channel}"
    return Outcome(version.name, version.digest, scored or drawn or moved is not None, counts, details)


def _scored(
    config: Config, version: Version, baseline: Baseline | None
) -> tuple[bool, dict[str, int], dict[str, Any]]:
    """Whether there is a score since just now, and what an outcome says of it."""
    if baseline is None:
        return False, {}, {"baseline": "none in the recipe"}
    try:
        marks, new = keep_score(config, version, baseline)
    except TooFewExamples as error:
        return False, {}, {"baseline": f"none: {error}"}
    return new, {"train_rows": marks.train_rows, "test_rows": marks.test_rows}, {"accuracy": marks.accuracy}


if __name__ == "__main__":
    runner.run(main)
