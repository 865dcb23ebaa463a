"""Tables and versions as Airflow sees them: one Asset each, whose events say which state they stand for."""

from airflow.sdk import Asset

from lakemint.errors import ConfigError
from lakemint.names import TABLES, check_name


def Table(table: str, dataset: str) -> Asset:
    """A Delta table of a dataset. Its events carry `{version, changed, counts}`, version being Delta's.

    The URI names no bucket: moving the lake leaves schedules and history as they are.
    Raises ConfigError for a table that the road does not have.
    """
    if table not in TABLES:
        raise ConfigError(f"no table {table!r}: there are {', '.join(TABLES)}")
    return Asset(
        name=f"{table}/{check_name(dataset)}",
        uri=f"lakemint://tables/{table}/{dataset}",
        group=dataset,
        extra={"table": table, "dataset": dataset},
    )


def Version(dataset: str) -> Asset:
    """A dataset's published versions. Its events carry `{version, changed, counts}`, version a digest."""
    return Asset(
        name=f"version/{check_name(dataset)}",
        uri=f"lakemint://versions/{dataset}",
        group=dataset,
        extra={"dataset": dataset},
    )
