"""Dealing splits as DataFrames.

Table `splits`, a row for each sample that refine ever kept since it is there, or that gold held before:
    sample_id
    split    where it is for good: rows are added, and never changed

What is dealt is a unit: a sample or, where near-duplicates share a split, their cluster. A cluster is in the
first of `KEPT_APART` that any of its samples is in: what models are tested on stays.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from lakemint.dataset.recipe import Split
from lakemint.errors import ContractError, RecipeError
from lakemint.names import SAMPLE_ID, SOURCE, SPLIT, SPLITS
from lakemint.refine.near.transforms import place_kept
from lakemint.refine.splits.shares import dealt
from lakemint.spark import hash32, split_of, stratum_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = f"{SAMPLE_ID} string, {SPLIT} string"
_MANY: Final = 100
_FEW: Final = 4
"""More than so many strata with fewer units than these on average are none: next to nothing is tested on."""


def strata(marked: DataFrame, split: Split) -> DataFrame:
    """(sample_id, stratum) of the samples that stay so far; raises ContractError for no column of silver."""
    name = split.stratify
    if name not in (None, SOURCE, *marked.select("_silver.*").columns):
        raise ContractError(
            f"schema[silver]: no property {name!r}; add it, or take split.stratify out of the recipe"
        )
    value = F.lit(None) if name is None else F.col(SOURCE if name == SOURCE else f"_silver.{name}")
    return marked.where(F.col("_reason").isNull()).select(SAMPLE_ID, stratum_of(value).alias("stratum"))


def units(samples: DataFrame, clusters: DataFrame | None, splits: DataFrame) -> DataFrame:
    """(unit, stratum, split) of the units of `samples` (sample_id, stratum); split is null where it is open.

    A unit's stratum is that of the first of its samples by id.
    """
    if clusters is None:
        return samples.join(splits, SAMPLE_ID, "left").withColumnRenamed(SAMPLE_ID, "unit")
    first = F.min_by("stratum", SAMPLE_ID).alias("stratum")
    there = _clustered(samples, clusters).groupBy("unit").agg(first)
    return there.join(_of_clusters(clusters, splits), "unit", "left")


def unsplit(
    samples: DataFrame, clusters: DataFrame | None, splits: DataFrame, whole: DataFrame, split: Split
) -> DataFrame:
    """(sample_id, split) of the samples that are not in `splits` yet; `whole` are their units."""
    new = samples.join(splits, SAMPLE_ID, "left_anti")
    new = _clustered(new, clusters) if clusters is not None else new.withColumn("unit", F.col(SAMPLE_ID))
    known = whole.where(F.col(SPLIT).isNotNull()).select("unit", SPLIT)
    return new.join(known.unionByName(deal(whole, split)), "unit").select(SAMPLE_ID, SPLIT)


def deal(whole: DataFrame, split: Split) -> DataFrame:
    """(unit, split) of the units that have none yet: by stratum if the recipe says so, else by hash alone.

    They are dealt in the order of the very hash: most units are where it would put them, and it does not
    matter in which order they came or lie.
    """
    new = whole.where(F.col(SPLIT).isNull())
    if split.stratify is None:
        return new.select("unit", split_of(F.col("unit"), split).alias(SPLIT))
    ends = counted(whole).where("new > 0").select("stratum", _ends(split).alias("ends"))
    order = Window.partitionBy("stratum").orderBy(hash32(SPLIT, F.col("unit")), "unit")
    ranked = new.withColumn("rank", F.row_number().over(order)).join(ends, "stratum")
    within = [F.col("rank") <= F.element_at("ends", place) for place in range(1, len(SPLITS))]
    train, validation, test = SPLITS
    return ranked.select(
        "unit", F.when(within[0], train).when(within[1], validation).otherwise(test).alias(SPLIT)
    )


def counted(whole: DataFrame) -> DataFrame:
    """(stratum, new, train, validation, test): how many of its units have no split yet, and are in each."""
    numbers = [F.count_if(F.col(SPLIT) == name).alias(name) for name in SPLITS]
    return whole.groupBy("stratum").agg(F.count_if(F.col(SPLIT).isNull()).alias("new"), *numbers)


def require_coarse(whole: DataFrame, split: Split, dataset: str) -> None:
    """Raises RecipeError for strata so many and small that nearly all of their units are trained on."""
    row = whole.agg(F.count_distinct("stratum").alias("strata"), F.count("*").alias("units")).collect()[0]
    if row["strata"] > _MANY and row["units"] < _FEW * row["strata"]:
        raise RecipeError(
            f"schemas/{dataset}/recipe.yaml: split.stratify: {split.stratify!r} has {row['strata']:,} values "
            f"for {row['units']:,} samples or clusters of them: nearly all would be trained on; name a "
            "coarser column"
        )


def parted(clusters: DataFrame, splits: DataFrame) -> DataFrame:
    """(sample_id, cluster) of the samples that must leave: they are in another split than their cluster."""
    theirs = _of_clusters(clusters, splits).select(
        F.col("unit").alias("cluster"), F.col(SPLIT).alias("_theirs")
    )
    both = clusters.select(SAMPLE_ID, "cluster").join(splits, SAMPLE_ID).join(theirs, "cluster")
    return both.where(F.col(SPLIT) != F.col("_theirs")).select(SAMPLE_ID, "cluster")


def as_assembled(now: DataFrame, ever: DataFrame) -> DataFrame:
    """(sample_id, split) of what gold holds `now` and of what it `ever` held, where it is kept apart best."""
    last = now.select(SAMPLE_ID, SPLIT)
    before = ever.join(last, SAMPLE_ID, "left_anti").groupBy(SAMPLE_ID)
    return last.unionByName(before.agg(F.min_by(SPLIT, place_kept(F.col(SPLIT))).alias(SPLIT)))


def _clustered(samples: DataFrame, clusters: DataFrame) -> DataFrame:
    return samples.join(clusters.select(SAMPLE_ID, F.col("cluster").alias("unit")), SAMPLE_ID)


def _of_clusters(clusters: DataFrame, splits: DataFrame) -> DataFrame:
    """(unit, split) of the clusters of which any sample has a split, be it that it is not there any more."""
    both = clusters.select(SAMPLE_ID, F.col("cluster").alias("unit")).join(splits, SAMPLE_ID)
    return both.groupBy("unit").agg(F.min_by(SPLIT, place_kept(F.col(SPLIT))).alias(SPLIT))


def _ends(split: Split) -> Column:
    """Of a row of `counted`: where in the order of a stratum's new units each split ends."""
    shares = [getattr(split, name) for name in SPLITS]

    @arrow_udf("array<bigint>")  # type: ignore[call-overload, untyped-decorator]
    def ends(new: pa.Array, *before: pa.Array) -> pa.Array:
        have: NDArray[np.int64] = np.stack([column.to_numpy() for column in before], axis=1)
        found = np.cumsum(dealt(have, new.to_numpy(), shares), axis=1)
        offsets = np.arange(len(found) + 1, dtype=np.int32) * len(shares)
        return pa.ListArray.from_arrays(offsets, found.ravel())

    found: Column = ends("new", *SPLITS)
    return found
