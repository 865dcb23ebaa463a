"""Refine as DataFrames: bronze in, each row marked; kept ones make silver, the others rejected.

Working columns begin with `_`, as no column of a recipe can.
"""

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from lakemint.dataset.recipe import Drop, NormalizeText, Recipe
from lakemint.errors import ConservationError, ContractError
from lakemint.names import LEAKED, PROVENANCE, SAMPLE_ID, SOURCE

if TYPE_CHECKING:
    from lakemint.dataset.quality import Column as ContractColumn

STAGE = "refine"

NULL_LENGTH: Final = 2**64 - 1
"""Stands where a value's length would, when there is no value."""

_ORDER = ("batch", SOURCE, "object", "etag", "line")
"""What is earlier; no two rows are equal in all of it."""

_SPACES = r"[\t-\r\x{85}\p{Z}]+"
"""Unicode's White_Space. Java's `\\s` is ASCII only."""


_SHAPES: Final = {
    "long": r"[+-]?\d+",
    "double": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    "boolean": r"(?i)true|false",
    "date": r"\d{4}-\d{2}-\d{2}",
    "timestamp": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?",
}
"""How text of a type looks. Spark's casts take more: `1d` for a number, `2024` for a date, `y` for true, a
bare time for that time today. A timestamp without zone is UTC."""


def without_leaks(marked: DataFrame, leaks: DataFrame) -> DataFrame:
    """The rows, those of `leaks` (sample_id, cluster) marked as leaving."""
    cluster = leaks.select(SAMPLE_ID, F.col("cluster").alias("_cluster"))
    rows = marked.join(cluster, SAMPLE_ID, "left")
    leaves = F.col("_reason").isNull() & F.col("_cluster").isNotNull()
    return rows.withColumns(
        {
            "_reason": F.when(leaves, F.lit(LEAKED)).otherwise(F.col("_reason")),
            "_survivor": F.when(leaves, F.col("_cluster")).otherwise(F.col("_survivor")),
        }
    ).drop("_cluster")


def mark(bronze: DataFrame, recipe: Recipe, columns: "Sequence[ContractColumn]") -> DataFrame:
    """Every row of bronze once: refined, cast to the contract's types, and marked with why it leaves, if so.

    Columns: provenance, source, sample_id, `_reason` (null: kept), `_survivor`, `_survivor_object`,
    `_survivor_line`, and the contract's `columns` in the struct `_silver`.
    """
    rows = _with_all_columns(bronze, recipe).withColumn("_reason", _unnamed_source(recipe))
    for step in recipe.refine:
        if step.normalize_text:
            rows = _normalize(rows, step.normalize_text)
        if step.drop:
            rows = _drop(rows, step.drop)
    rows = rows.withColumn(SAMPLE_ID, F.when(F.col("_reason").isNull(), sample_id(recipe.content)))
    rows = _cast(rows, [column for column in columns if column.name not in (SAMPLE_ID, SOURCE)])
    rows = _deduplicate(rows)
    marks = (SAMPLE_ID, "_reason", "_survivor", "_survivor_object", "_survivor_line", "_silver")
    return rows.select(*PROVENANCE, SOURCE, *marks)


def silver_of(marked: DataFrame, columns: "Sequence[ContractColumn]") -> DataFrame:
    """The rows that stay: sample_id, the contract's columns in its order, provenance."""
    rest = [column.name for column in columns if column.name != SAMPLE_ID]
    values = [F.col(name if name == SOURCE else f"_silver.{name}") for name in rest]
    return marked.where(F.col("_reason").isNull()).select(SAMPLE_ID, *values, *PROVENANCE)


def rejected_of(marked: DataFrame) -> DataFrame:
    """The rows that leave, with their reason, and for duplicates the survivor."""
    return marked.where(F.col("_reason").isNotNull()).select(
        *PROVENANCE,
        SOURCE,
        F.lit(STAGE).alias("stage"),
        F.col("_reason").alias("reason"),
        SAMPLE_ID,
        F.col("_survivor").alias("survivor"),
        F.col("_survivor_object").alias("survivor_object"),
        F.col("_survivor_line").alias("survivor_line"),
    )


def check_conservation(marked: DataFrame, bronze: DataFrame) -> dict[str, int]:
    """How many rows stay and how many leave; raises ConservationError unless they add up to bronze."""
    row = marked.agg(F.count("*").alias("all"), F.count("_reason").alias("rejected")).collect()[0]
    records = bronze.count()
    if row["all"] != records:
        raise ConservationError(
            f"refine made {row['all']} rows of {records} in bronze; nothing was written: run it again"
        )
    return {"records": records, "silver": records - row["rejected"], "rejected": row["rejected"]}


def sample_id(content: Sequence[str]) -> Column:
    """What makes a sample the same sample wherever it is met again: 32 hex digits of a sha256.

    It is taken over each value's length (8 bytes, big-endian; NULL_LENGTH for null) and bytes (text as UTF-8)
    of the recipe's content columns, in order, after refining and before any cast.
    """
    parts = [part for name in content for part in _length_and_bytes(F.col(name))]
    return F.substring(F.sha2(F.concat(*parts), 256), 1, 32)


def _length_and_bytes(value: Column) -> tuple[Column, Column]:
    length = F.unhex(F.lpad(F.hex(F.octet_length(value)), 16, "0"))
    null = F.unhex(F.lit(f"{NULL_LENGTH:016X}"))
    return F.coalesce(length, null), F.coalesce(value.cast("binary"), F.lit(b""))


def _with_all_columns(bronze: DataFrame, recipe: Recipe) -> DataFrame:
    """Bronze with all of the recipe's columns, as it spells them; those without records yet are null."""
    wanted = {name.lower(): name for name in recipe.columns}
    # Delta keeps the spelling a column first had, and does not tell upper from lower case.
    there = [F.col(name).alias(wanted.get(name.lower(), name)) for name in bronze.columns]
    missing = wanted.keys() - {name.lower() for name in bronze.columns}
    nulls = [F.lit(None).cast(recipe.columns[wanted[name]]).alias(wanted[name]) for name in sorted(missing)]
    return bronze.select(*there, *nulls)


def _unnamed_source(recipe: Recipe) -> Column:
    """Why a record leaves whose source the recipe no longer names; null for the others."""
    return F.when(~F.col(SOURCE).isin(*recipe.sources), F.lit("source.removed"))


def _normalize(rows: DataFrame, step: NormalizeText) -> DataFrame:
    return rows.withColumns({name: _normalized(F.col(name), step.form) for name in step.columns})


def _normalized(text: Column, form: str) -> Column:
    """Unicode normal form, runs of white space to one space, ends trimmed.

    Spark has no function for normal forms, so other than ASCII text goes through Arrow.
    """

    @arrow_udf("string")  # type: ignore[call-overload, untyped-decorator]
    def normal_form(texts: pa.Array) -> pa.Array:
        return pc.utf8_normalize(texts, form=form)

    beyond_ascii = F.when(text.rlike(r"[^\x00-\x7F]"), text)
    return F.trim(F.regexp_replace(F.coalesce(normal_form(beyond_ascii), text), _SPACES, " "))


def _drop(rows: DataFrame, step: Drop) -> DataFrame:
    def reason(name: str) -> Column:
        is_empty = F.col(name).isNull() | (F.octet_length(name) == 0)
        return F.when(is_empty, F.lit(f"empty.{name}"))

    return _rejecting(rows, [reason(name) for name in step.empty])


def _cast(rows: DataFrame, columns: "Sequence[ContractColumn]") -> DataFrame:
    """Adds `_silver`; a value that is there but not of its type rejects its row."""
    kinds = dict(rows.dtypes)
    if unknown := [column.name for column in columns if column.name not in kinds]:
        raise ContractError(
            f"schema[silver].properties[{unknown[0]}]: no source has such a column; "
            "mend its name there, or add it to the sources of the recipe"
        )
    cast = {column.name: _typed(F.col(column.name), kinds[column.name], column.type) for column in columns}
    rows = rows.withColumn("_silver", F.struct(*(value.alias(name) for name, value in cast.items())))
    return _rejecting(rows, [_type_reason(name) for name in cast])


def _typed(value: Column, bronze_type: str, to: str) -> Column:
    """Null where the value is not of the type."""
    if to == bronze_type:
        return value
    if to == "binary":
        return value.cast("binary")
    text = F.try_validate_utf8(value.cast("string")) if bronze_type == "binary" else value
    if to == "string":
        return text
    text = F.trim(text)
    typed = F.when(text.rlike(f"^({_SHAPES[to]})$"), text.try_cast(to))
    if to == "double":
        # A number too large for a double would become infinite.
        return F.when(F.abs(typed) < F.lit(float("inf")), typed)
    return typed


def _type_reason(name: str) -> Column:
    is_lost = F.col(name).isNotNull() & F.col(f"_silver.{name}").isNull()
    return F.when(is_lost, F.lit(f"type.{name}"))


def _rejecting(rows: DataFrame, reasons: Sequence[Column]) -> DataFrame:
    """A row keeps the first reason it got."""
    return rows.withColumn("_reason", reduce(F.coalesce, reasons, F.col("_reason")))


def _deduplicate(rows: DataFrame) -> DataFrame:
    """Of the rows that stay so far, the earliest of each sample survives."""
    # A rejected row is alone in a group of its own, not one of a giant group of nulls.
    own = F.concat_ws("\n", "object", "etag", "line")
    group = F.when(F.col("_reason").isNull(), F.col(SAMPLE_ID)).otherwise(own)
    same = Window.partitionBy(group).orderBy(*_ORDER)
    rows = rows.withColumns(
        {"_rank": F.row_number().over(same), "_first": F.first(F.struct("object", "line")).over(same)}
    )
    is_later = F.col("_rank") > 1
    return rows.withColumns(
        {
            "_reason": F.when(is_later, F.lit("duplicate.exact")).otherwise(F.col("_reason")),
            "_survivor": F.when(is_later, F.col(SAMPLE_ID)),
            "_survivor_object": F.when(is_later, F.col("_first.object")),
            "_survivor_line": F.when(is_later, F.col("_first.line")),
        }
    )
