"""What lies in a Delta table's folder, by its keys in the store."""

from lakemint.lake import Lake
from lakemint.store.base import Store


class TableFolder:
    """One table's, but for its log. Every method asks anew."""

    def __init__(self, store: Store, lake: Lake, table: str, dataset: str) -> None:
        self._store = store
        self._uri, self._log = lake.table(table, dataset), lake.log(table, dataset)
        self.prefix = lake.files(table, dataset)
        """Of the keys, with its slash."""

    def files(self) -> set[str]:
        """The keys of all files: of any version, or of none."""
        keys = (item.key for item in self._store.list(self.prefix))
        return {key for key in keys if not key.startswith(self._log)}

    def uris(self) -> list[str]:
        """The URIs of the Parquet files, but for those that Delta keeps for itself."""
        names = (key.removeprefix(self.prefix) for key in sorted(self.files()))
        return [f"{self._uri}/{name}" for name in names if name.endswith(".parquet") and name[0] != "_"]
