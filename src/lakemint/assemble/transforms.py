"""Silver and labels to gold, as pure functions of DataFrames."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakemint.dataset.contract import Table
from lakemint.dataset.recipe import Split
from lakemint.names import LABEL, SAMPLE_ID, SPLIT
from lakemint.spark import split_of

_CLUSTER = "_cluster"
"""Begins as no column of a contract can."""


def gold(tables: Mapping[str, DataFrame], contract: Table, split: Split) -> DataFrame:
    """The labeled samples: `sample_id`, the contract's gold columns in its order and types, `split`.

    `tables`: silver, labels and, if near-duplicates share a split, clusters. A sample whose label is missing
    or undecided stays in silver. Sorted by `sample_id`.
    """
    silver, labels, clusters = tables["silver"], tables["labels"], tables.get("clusters")
    decided = labels.where(F.col(LABEL).isNotNull()).select(SAMPLE_ID, LABEL)
    examples = silver.drop(LABEL).join(decided, on=SAMPLE_ID, how="inner")
    decides = F.col(SAMPLE_ID)
    if clusters is not None:
        examples = examples.join(
            clusters.select(SAMPLE_ID, F.col("cluster").alias(_CLUSTER)), SAMPLE_ID, "left"
        )
        decides = F.coalesce(_CLUSTER, SAMPLE_ID)
    values = {name: F.col(name).cast(kind) for name, kind in contract.stored.items() if name != SPLIT}
    columns = {**values, SPLIT: split_of(decides, split)}
    return examples.select(*(value.alias(name) for name, value in columns.items())).orderBy(SAMPLE_ID)
