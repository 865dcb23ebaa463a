"""Ingest what landed: raw objects not seen before become bronze rows, or quarantine rows with a reason.

A batch replaces just its own rows, table by table, `objects` last: killed anywhere, it is completed by the
next run. A source that the recipe reads in another way is read anew.
"""

from lakemint.config import load_config
from lakemint.dataset.recipe import load_recipe
from lakemint.delta_log import DeltaLog
from lakemint.ingest.plan import landed, plan
from lakemint.ingest.transforms import (
    bronze_of,
    check_batch,
    check_columns,
    objects_of,
    parse_objects,
    quarantine_of,
    read_registry,
)
from lakemint.ingest.worker import ObjectReader
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import (
    commit_note,
    read_table,
    replace_rows,
    spark_session,
)
from lakemint.store import StoreAddress, open_store


def main(dataset: str) -> Outcome:
    """Ingest the new raw objects of a dataset; a second run changes nothing."""
    config = load_config()
    recipe = load_recipe(config.schemas_folder(), dataset)
    lake, store = Lake(config.need("lake")), open_store(config)
    log = DeltaLog(store, lake, dataset)
    bronze, quarantine, objects = (lake.table(name, dataset) for name in ("bronze", "quarantine", "objects"))
    with spark_session(config) as spark:
        before, end = log.last("bronze"), log.last("objects")
        begun, done = (commit.note if commit else {} for commit in (before, end))
        registry = read_registry(read_table(spark, objects, end.version) if end else None)
        check_columns(read_table(spark, bronze, before.version) if before else None, recipe)
        last = max(registry.batch, done.get("batch", 0))  # a batch whose objects all vanished gave none
        killed = begun if begun.get("batch", 0) > last else {}
        todo = plan(landed(store, lake, recipe), registry, recipe, killed.get("again", ()))
        if not todo.objects and not killed:
            return Outcome(f"bronze/{dataset}", str(before and before.version), changed=False)
        rows = parse_objects(spark, todo.objects, ObjectReader(StoreAddress.of(config), recipe))
        counts, batch = check_batch(rows, todo), last + 1
        note = commit_note("ingest", recipe.digest) | {"batch": batch, "again": todo.again}
        parts = (bronze_of(rows, batch), quarantine_of(rows, batch), objects_of(rows, batch, recipe))
        for part, uri in zip(parts, (bronze, quarantine, objects), strict=True):
            replace_rows(part, uri, todo.replaces(batch), note)
        return Outcome(f"bronze/{dataset}", str(log.version("bronze")), changed=True, counts=counts)


if __name__ == "__main__":
    runner.run(main)
