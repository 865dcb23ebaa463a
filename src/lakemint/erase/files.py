"""The files of a Delta table, by their keys in the store."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.spark import data_files
from lakemint.store.base import Store
from lakemint.table_folder import TableFolder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class TableFiles:
    """One table's. Every method asks anew."""

    def __init__(self, spark: "SparkSession", store: Store, lake: Lake, table: str, dataset: str) -> None:
        self._spark, self._store, self._uri = spark, store, lake.table(table, dataset)
        self._folder = TableFolder(store, lake, table, dataset)

    def uris(self) -> list[str]:
        """The URIs of the stored Parquet files, whatever states they are of."""
        return self._folder.uris()

    def of_version(self, version: int) -> set[str] | None:
        """The data files of a version; None when the log no longer tells, or not all of them are there."""
        paths = data_files(self._spark, self._uri, version)
        files = None if paths is None else {self._key(path) for path in paths}
        return files if files is not None and files <= self._folder.files() else None

    def drop_all_but(self, version: int) -> int:
        """Delete all files that are not of a version; how many.

        Raises LakemintError, and deletes nothing, when that version is not whole.
        """
        kept = self.of_version(version)
        if kept is None:
            raise LakemintError(
                f"{self._folder.prefix}: version {version} is not whole; restore it from a copy"
            )
        stale = sorted(self._folder.files() - kept)
        for key in stale:
            self._store.delete(key)
        return len(stale)

    def _key(self, path: str) -> str:
        """The key of a file by its URI, whose special characters are escaped."""
        prefix = self._folder.prefix
        _, found, name = unquote(path).rpartition(f"/{prefix}")
        return f"{prefix}{name}" if found else path
