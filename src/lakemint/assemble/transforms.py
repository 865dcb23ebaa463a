"""Silver and labels to gold, as pure functions of DataFrames."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakemint.dataset.contract import Table
from lakemint.dataset.recipe import Split
from lakemint.names import LABEL, SAMPLE_ID, SPLIT
from lakemint.spark import hash32


def gold(silver: DataFrame, labels: DataFrame, table: Table, split: Split) -> DataFrame:
    """The labeled samples: `sample_id`, the contract's gold columns in its order and types, `split`.

    A sample whose label is missing or undecided stays in silver. Sorted by `sample_id`.
    """
    decided = labels.where(F.col(LABEL).isNotNull()).select(SAMPLE_ID, LABEL)
    examples = silver.drop(LABEL).join(decided, on=SAMPLE_ID, how="inner")
    values = {name: F.col(name).cast(kind) for name, kind in table.stored.items() if name != SPLIT}
    columns = {**values, SPLIT: split_of(F.col(SAMPLE_ID), split)}
    return examples.select(*(value.alias(name) for name, value in columns.items())).orderBy(SAMPLE_ID)


def split_of(sample_id: Column, split: Split) -> Column:
    """`train`, `validation` or `test`, by a hash of the id alone: it stays as the data grow."""
    place = hash32("split", sample_id) / F.lit(2.0**32)
    in_train = place < split.train
    in_validation = place < split.train + split.validation
    return F.when(in_train, "train").when(in_validation, "validation").otherwise("test")
