"""Ingest what landed: raw objects not seen before become bronze rows, or quarantine rows with a reason.

A batch is written table by table, each in one commit that replaces just that batch, `objects` last: a run
that is killed anywhere is completed by the next one.
"""

from lakemint import jobs
from lakemint.config import load
from lakemint.ingest.plan import landed, new_objects
from lakemint.ingest.transforms import (
    bronze_of,
    check_batch,
    objects_of,
    parse_objects,
    quarantine_of,
    read_registry,
)
from lakemint.ingest.worker import Reading
from lakemint.lake import Lake
from lakemint.outcome import Outcome
from lakemint.recipe import load_recipe
from lakemint.spark import (
    commit_note,
    last_commit,
    read_if_exists,
    replace_rows,
    spark_session,
    table_version,
)
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Ingest the new raw objects of a dataset; a second run changes nothing."""
    config = load()
    recipe = load_recipe(config.datasets(), dataset)
    lake = Lake(config.need("lake"))
    bronze, quarantine, objects = (lake.table(name, dataset) for name in ("bronze", "quarantine", "objects"))
    with spark_session(config) as spark:
        registry = read_registry(read_if_exists(spark, objects))
        new = new_objects(landed(open_store(config), lake, recipe), registry)
        version, note = last_commit(spark, bronze) or (None, {})
        unfinished = note.get("batch", 0) > registry.batch
        if not new and not unfinished:
            return Outcome(f"bronze/{dataset}", str(version), changed=False)
        rows = parse_objects(spark, new, Reading(config.lake, config.s3_endpoint, config.s3_region, recipe))
        counts = check_batch(rows)
        batch = registry.batch + 1
        note = {**commit_note("ingest", recipe.digest), "batch": batch}
        for uri, part in ((bronze, bronze_of), (quarantine, quarantine_of), (objects, objects_of)):
            replace_rows(part(rows, batch), uri, f"batch = {batch}", note)
        return Outcome(f"bronze/{dataset}", str(table_version(spark, bronze)), changed=True, counts=counts)


if __name__ == "__main__":
    jobs.run(main)
