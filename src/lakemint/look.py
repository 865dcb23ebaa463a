"""A look into one of a dataset's tables: how many rows, why they left the road, and some of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lakemint.config import Config
from lakemint.dataset.folder import datasets
from lakemint.delta_log import DeltaLog
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.spark import read_table, spark_session
from lakemint.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REASON: Final = "reason"
MAX_REASONS: Final = 40
"""Reasons that are told, the commonest: some name a record's own fields, and there may be any number."""
MAX_VALUE: Final = 200
"""Characters of a text, bytes of a binary value: rows may hold whole documents and pictures."""
_ORDER: Final = ("object", "line", "sample_id")


@dataclass(frozen=True)
class Look:
    """What was seen; of a table without reasons, `reasons` is empty."""

    table: str
    """`rejected/reviews`."""
    version: int
    rows: int
    """That were asked for; `shown` are the first of them."""
    reasons: dict[str, int]
    """Reason → rows, the commonest first, at most `MAX_REASONS`."""
    shown: list[dict[str, Any]]
    """Column → value, long ones cut."""


def look(config: Config, dataset: str, table: str, where: Sequence[tuple[str, str]], limit: int) -> Look:
    """The newest state of a table: of the rows whose columns hold the texts in `where`, `limit` at most.

    Raises LakemintError when there is no such table, or it has no such column.
    """
    lake = Lake(config.need("lake"))
    uri = lake.table(table, dataset)
    config.need("spark_remote")
    at = _newest(config, lake, dataset, table)
    with spark_session(config) as spark:
        rows = read_table(spark, uri, at)
        for column, text in where:
            if column not in rows.columns:
                raise LakemintError(f"{table}/{dataset} has no column {column!r} to choose rows by")
            rows = rows.where(rows[column].cast("string").contains(text))
        shown = _first(rows, limit).toArrow().to_pylist()
        return Look(f"{table}/{dataset}", at, rows.count(), _reasons(rows), shown)


def _newest(config: Config, lake: Lake, dataset: str, table: str) -> int:
    """The table's version; raises LakemintError when there is no such table, or not even such a dataset."""
    log = DeltaLog(open_store(config), lake, dataset)
    known = datasets(config.schemas) if config.schemas else [dataset]
    if log.last(table) is None and dataset not in known:
        raise LakemintError(f"no dataset {dataset!r} in {config.schemas}: there are {', '.join(known)}")
    return log.need(table).version


def _first(rows: "DataFrame", limit: int) -> "DataFrame":
    """The first rows in the order of the raw objects, long values cut where they are."""
    order = [name for name in _ORDER if name in rows.columns]
    kinds = {"string", "binary"}
    values = [
        rows[name].substr(1, MAX_VALUE).alias(name) if kind in kinds else rows[name]
        for name, kind in rows.dtypes
    ]
    return (rows.orderBy(*order) if order else rows).limit(limit).select(*values)


def _reasons(rows: "DataFrame") -> dict[str, int]:
    if REASON not in rows.columns:
        return {}
    counted = rows.groupBy(REASON).count()
    commonest = counted.orderBy(counted["count"].desc(), REASON).limit(MAX_REASONS).collect()
    return {str(reason): int(count) for reason, count in commonest}
