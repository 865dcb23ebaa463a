"""The table `splits` as it grows: who has a split keeps it, and what is new is dealt."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakemint.dataset.recipe import Split
from lakemint.delta_log import DeltaLog
from lakemint.lake import Lake
from lakemint.names import SAMPLE_ID
from lakemint.refine.splits.transforms import SCHEMA, as_assembled, require_coarse, units, unsplit
from lakemint.spark import insert_new, read_files, read_table, replace_table
from lakemint.store.base import Store
from lakemint.table_folder import TableFolder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SplitsTable:
    """One dataset's."""

    def __init__(self, store: Store, lake: Lake, dataset: str) -> None:
        self._lake, self._dataset = lake, dataset
        self._log, self._gold = DeltaLog(store, lake, dataset), TableFolder(store, lake, "gold", dataset)
        self._uri = lake.table("splits", dataset)

    def keep(
        self, samples: "DataFrame", clusters: "DataFrame | None", split: Split, note: Mapping[str, Any]
    ) -> "DataFrame":
        """Deal those of `samples` (sample_id, stratum) that have no split; returns the table as it is then.

        A table that is not there yet begins with what was assembled before, which stays where it was. Killed
        anywhere and run again, it ends in the same. Raises RecipeError when strata are too fine to deal by.
        """
        spark, is_there = samples.sparkSession, self._log.last("splits") is not None
        known = read_table(spark, self._uri) if is_there else self._assembled(spark).localCheckpoint()
        whole = units(samples, clusters, known).localCheckpoint()
        if split.stratify is not None:
            require_coarse(whole, split, self._dataset)
        new = unsplit(samples, clusters, known, whole, split).localCheckpoint()
        if not is_there:
            replace_table(known.unionByName(new), self._uri, note)
        elif not new.isEmpty():
            insert_new(new, self._uri, [SAMPLE_ID], note, exists=True)
        return read_table(spark, self._uri)

    def _assembled(self, spark: "SparkSession") -> "DataFrame":
        """Of all that the store still has of gold, in whatever state."""
        gold = self._log.last("gold")
        if gold is None:
            return spark.createDataFrame([], SCHEMA)
        now = read_table(spark, self._lake.table("gold", self._dataset), gold.version)
        return as_assembled(now, read_files(spark, self._gold.uris(), SCHEMA))
