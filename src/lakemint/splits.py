"""What says in which split a sample is."""

from typing import Literal

from lakemint.dataset.recipe import Recipe
from lakemint.delta_log import DeltaLog


def told_by(recipe: Recipe, log: DeltaLog) -> Literal["splits", "clusters"] | None:
    """The table that says it; None where the hash of its id does.

    Once there, `splits` says it for good: what it dealt must stay where it is, whatever the recipe says now.
    """
    if recipe.split.stratify is not None or log.last("splits") is not None:
        return "splits"
    return "clusters" if recipe.near_duplicates else None
