"""The files of a Delta table, by their keys in the store."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.spark import data_files
from lakemint.store.base import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class TableFiles:
    """One table's. Every method asks anew."""

    def __init__(self, spark: "SparkSession", store: Store, lake: Lake, table: str, dataset: str) -> None:
        self._spark, self._store = spark, store
        self._uri, self._log = lake.table(table, dataset), lake.log(table, dataset)
        self._folder = self._log.removesuffix("_delta_log/")

    def stored(self) -> set[str]:
        """All that lies in the table's folder, but for the log: of any version, or of none."""
        keys = (item.key for item in self._store.list(self._folder))
        return {key for key in keys if not key.startswith(self._log)}

    def uris(self) -> list[str]:
        """The URIs of the stored Parquet files, but for those that Delta keeps for itself."""
        names = (key.removeprefix(self._folder) for key in sorted(self.stored()))
        return [f"{self._uri}/{name}" for name in names if name.endswith(".parquet") and name[0] != "_"]

    def of_version(self, version: int) -> set[str] | None:
        """The data files of a version; None when the log no longer tells, or not all of them are there."""
        paths = data_files(self._spark, self._uri, version)
        files = None if paths is None else {self._key(path) for path in paths}
        return files if files is not None and files <= self.stored() else None

    def drop_all_but(self, version: int) -> int:
        """Delete all files that are not of a version; how many.

        Raises LakemintError, and deletes nothing, when that version is not whole.
        """
        kept = self.of_version(version)
        if kept is None:
            raise LakemintError(f"{self._folder}: version {version} is not whole; restore it from a copy")
        stale = sorted(self.stored() - kept)
        for key in stale:
            self._store.delete(key)
        return len(stale)

    def _key(self, path: str) -> str:
        """The key of a file by its URI, whose special characters are escaped."""
        _, found, name = unquote(path).rpartition(f"/{self._folder}")
        return f"{self._folder}{name}" if found else path
