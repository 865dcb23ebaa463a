"""Which rows break a rule: Great Expectations counts them, these queries name them, the same ones always."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from lakemint.dataset.quality import Rule
from lakemint.names import SAMPLE_ID


def with_matches(frame: DataFrame, rules: Iterable[Rule]) -> DataFrame:
    """The frame with a column for each pattern: whether the value matches it, null for null.

    By RE2 through Arrow, in linear time: Spark's own engine can be kept busy for ever.
    """
    for rule in rules:
        if rule.kind == "matches":
            matched = _matches(F.col(str(rule.column)), rule.arguments["pattern"])
            frame = frame.withColumn(str(rule.measured), matched)
    return frame


def _matches(value: Column, pattern: str) -> Column:
    @arrow_udf("boolean")  # type: ignore[call-overload, untyped-decorator]
    def matches(texts: pa.Array) -> pa.Array:
        return pc.match_substring_regex(texts, pattern)

    found: Column = matches(value)
    return found


def broken_rows(frame: DataFrame, rule: Rule, kind: str | None, most: int) -> DataFrame | None:
    """Up to `most` sample ids of rows that break a rule, smallest first: one column `sample_id`.

    `frame` is one of `with_matches`, `kind` the type of the rule's column. None when the rule is not about
    rows, or is a custom one.
    """
    if rule.kind == "unique":
        broken = _sharing(frame, rule.arguments.get("columns") or [rule.column])
    elif rule.kind in _CONDITIONS:
        column = F.col(str(rule.measured))
        broken = frame.where(_CONDITIONS[rule.kind](column, _typed(rule.arguments, kind)))
    else:
        return None
    named = broken.select(SAMPLE_ID).where(F.col(SAMPLE_ID).isNotNull())
    return named.distinct().orderBy(SAMPLE_ID).limit(most)


def _sharing(frame: DataFrame, columns: list[Any]) -> DataFrame:
    """The rows whose values in these columns another row has, too. A null is like no other."""
    shared = (
        frame.dropna(subset=columns)
        .groupBy(*columns)
        .agg(F.count(F.lit(1)).alias("_rows"))
        .where(F.col("_rows") > 1)
    )
    return frame.join(shared.select(*columns), on=columns, how="left_semi")


def _typed(arguments: Any, kind: str | None) -> dict[str, Any]:
    """Arguments as literals of the column's type: a date is written as text in a contract."""

    def literal(value: Any) -> Any:
        return F.lit(value).cast(kind) if kind in ("date", "timestamp") else value

    return {
        name: [literal(item) for item in value] if name == "values" else literal(value)
        for name, value in arguments.items()
        if name not in ("strict", "pattern")
    } | {name: arguments[name] for name in ("strict", "pattern") if name in arguments}


def _outside(value: Column, bounds: dict[str, Any]) -> Column:
    strict = bounds.get("strict", False)
    outside = F.lit(False)
    if "min" in bounds:
        outside = outside | (value <= bounds["min"] if strict else value < bounds["min"])
    if "max" in bounds:
        outside = outside | (value >= bounds["max"] if strict else value > bounds["max"])
    return outside


_CONDITIONS: Final[dict[str, Callable[[Column, dict[str, Any]], Column]]] = {
    "not_null": lambda column, _: column.isNull(),
    "in_set": lambda column, arguments: ~column.isin(arguments["values"]),
    "not_in_set": lambda column, arguments: column.isin(arguments["values"]),
    "matches": lambda column, _: ~column,
    "length": lambda column, arguments: _outside(F.length(column), arguments),
    "between": _outside,
}
"""Kind of rule → which rows break it. A null breaks only `not_null`."""
