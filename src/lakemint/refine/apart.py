"""What keeps splits apart: samples that are alike share one, and nothing that is tested on is trained on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakemint.dataset.recipe import Recipe
from lakemint.delta_log import DeltaLog
from lakemint.lake import Lake
from lakemint.refine.near.transforms import keep_clusters, leaks
from lakemint.refine.splits.table import SplitsTable
from lakemint.refine.splits.transforms import parted, strata
from lakemint.refine.transforms import without_leaks
from lakemint.splits import told_by
from lakemint.store.base import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Apart:
    """The tables beside silver that remember samples, `clusters` and `splits`, where a dataset has them."""

    def __init__(self, store: Store, lake: Lake, recipe: Recipe) -> None:
        self._store, self._lake, self._recipe = store, lake, recipe
        self._log = DeltaLog(store, lake, recipe.dataset)
        self._is_dealt = told_by(recipe, self._log) == "splits"

    @property
    def is_there(self) -> bool:
        """Whether all of them are that it should have."""
        needed = {"clusters": self._recipe.near_duplicates is not None, "splits": self._is_dealt}
        return all(self._log.last(table) is not None for table, is_needed in needed.items() if is_needed)

    def keep(self, marked: "DataFrame", note: Mapping[str, Any]) -> "DataFrame":
        """Bring them up to date with the samples that stay so far; returns `marked`, leaks marked as leaving.

        Raises ContractError and RecipeError when samples cannot be dealt as the recipe says.
        """
        split = self._recipe.split
        clusters, splits = self._clusters(marked), None
        if self._is_dealt:
            table = SplitsTable(self._store, self._lake, self._recipe.dataset)
            splits = table.keep(strata(marked, split), clusters, split, note)
        if clusters is None:
            return marked
        leaking = leaks(clusters, split) if splits is None else parted(clusters, splits)
        return without_leaks(marked, leaking).localCheckpoint(eager=True)

    def _clusters(self, marked: "DataFrame") -> "DataFrame | None":
        if (near := self._recipe.near_duplicates) is None:
            return None
        uri = self._lake.table("clusters", self._recipe.dataset)
        return keep_clusters(marked, uri, self._log.last("clusters"), near, self._recipe.split)
