"""Collect answers as annotation events, and add them up to labels."""

from lakemint.config import load_config
from lakemint.dataset.recipe import load_recipe
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.label.tables import add_answers, add_known, write_labels
from lakemint.label.transforms import labeled
from lakemint.lake import Lake
from lakemint.spark import read_table, spark_session


def main(dataset: str) -> Outcome:
    """Bring annotations and labels up to date; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    with spark_session(config) as spark:
        add = add_known if recipe.label.known else add_answers
        added = add(spark, config, recipe)
        version, changed = write_labels(spark, config, recipe)
        labels = read_table(spark, Lake(config.need("lake")).table("labels", dataset), version)
        counts = {**added, **labeled(labels).collect()[0].asDict()}
    return Outcome(f"labels/{dataset}", str(version), changed, counts)


if __name__ == "__main__":
    runner.run(main)
