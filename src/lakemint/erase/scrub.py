"""What was deleted from a dataset's tables leaves the store too: old files, and what the logs tell of them.

A log tells of each file the least and the greatest value of every column, in commits, checkpoints and
checksums: it is cut behind the newest commit that changed data, which is made again with the same note.
"""

from typing import TYPE_CHECKING

from lakemint.delta_log import DeltaLog
from lakemint.erase.files import TableFiles
from lakemint.lake import Lake
from lakemint.names import TABLES
from lakemint.spark import checkpoint, purge
from lakemint.store.base import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def scrub(spark: "SparkSession", store: Store, lake: Lake, dataset: str) -> dict[str, int]:
    """Leave of every table just what it is now; returns table → objects deleted from the store.

    All tables, since any may hold rows in an earlier version that are in none of now, as may files that a
    killed job left. Nothing is retained: no earlier version can be read afterwards. Where no file was ever
    removed nothing is committed, so a second run changes nothing. No other job may write meanwhile.
    """
    log = DeltaLog(store, lake, dataset)
    there = [table for table in TABLES if log.last(table) is not None]
    return {table: _scrub(spark, store, lake, dataset, table) for table in there}


def _scrub(spark: "SparkSession", store: Store, lake: Lake, dataset: str, table: str) -> int:
    uri, log = lake.table(table, dataset), DeltaLog(store, lake, dataset)
    purge(spark, uri)
    forgotten = 0
    if log.remembers(table):
        checkpoint(spark, uri, log.need(table).note)
        forgotten = log.forget(table)
    # The log goes first: what it still tells of can be read, until it no longer does.
    files = TableFiles(spark, store, lake, table, dataset)
    return forgotten + files.drop_all_but(log.need(table).version)
