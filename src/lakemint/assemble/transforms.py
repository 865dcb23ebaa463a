"""Silver and labels to gold, as pure functions of DataFrames."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakemint.dataset.contract import Table
from lakemint.dataset.recipe import Split
from lakemint.names import LABEL, SAMPLE_ID, SPLIT
from lakemint.spark import split_of

_CLUSTER, _SPLIT = "_cluster", "_split"
"""Begin as no column of a contract can."""


def gold(tables: Mapping[str, DataFrame], contract: Table, split: Split) -> DataFrame:
    """The labeled samples: `sample_id`, the contract's gold columns in its order and types, `split`.

    `tables`: silver, labels and, where one tells a sample's split, splits or clusters; else its hash does. A
    sample whose label is missing or undecided stays in silver. Sorted by `sample_id`.
    """
    silver, labels = tables["silver"], tables["labels"]
    decided = labels.where(F.col(LABEL).isNotNull()).select(SAMPLE_ID, LABEL)
    examples = silver.drop(LABEL).join(decided, on=SAMPLE_ID, how="inner")
    place = split_of(F.col(SAMPLE_ID), split)
    if "splits" in tables:
        examples = examples.join(tables["splits"].withColumnRenamed(SPLIT, _SPLIT), SAMPLE_ID, "left")
        place = F.coalesce(_SPLIT, F.raise_error(F.concat(F.lit("splits has no sample "), SAMPLE_ID)))
    elif "clusters" in tables:
        clusters = tables["clusters"].select(SAMPLE_ID, F.col("cluster").alias(_CLUSTER))
        examples = examples.join(clusters, SAMPLE_ID, "left")
        place = split_of(F.coalesce(_CLUSTER, SAMPLE_ID), split)
    values = {name: F.col(name).cast(kind) for name, kind in contract.stored.items() if name != SPLIT}
    columns = {**values, SPLIT: place}
    return examples.select(*(value.alias(name) for name, value in columns.items())).orderBy(SAMPLE_ID)
