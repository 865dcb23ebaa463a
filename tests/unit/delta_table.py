"""Delta tables as Spark leaves them, written without Spark: Parquet files and the commits that name them."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from lakemint.lake import Lake
from lakemint.store import Store

BY_SPARK = {"org.apache.spark.version": "4.1.3"}
_DELTA = {
    pa.string(): "string",
    pa.binary(): "binary",
    pa.int64(): "long",
    pa.int32(): "integer",
    pa.float64(): "double",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.date32(): "date",
}

Action = dict[str, Any]


class DeltaTable:
    """A table of a dataset, at version `self.version`."""

    def __init__(self, store: Store, lake: Lake, dataset: str, table: str) -> None:
        self.store, self.root, self.log = store, lake.files(table, dataset), lake.log(table, dataset)
        self.version = -1
        self.files = 0

    def commit(self, *actions: Action, note: Mapping[str, Any] | None = None) -> int:
        """Write a commit; its version."""
        self.version += 1
        info = {"operation": "WRITE", "txnId": f"txn-{self.version}", "userMetadata": json.dumps(note or {})}
        lines = [{"commitInfo": info}, *actions]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.store.put(f"{self.log}{self.version:020d}.json", data)
        return self.version

    def begin(self, rows: pa.Table, note: Mapping[str, Any] | None = None, **told: Any) -> Action:
        """The first commit, of these rows; what names their file."""
        added = self.add(rows)
        self.commit(self.protocol(), self.metadata(rows.schema, **told), added, note=note)
        return added

    def protocol(self, version: int = 1, features: Sequence[str] = ()) -> Action:
        return {
            "protocol": {"minReaderVersion": version, "minWriterVersion": 7, "readerFeatures": [*features]}
        }

    def metadata(self, schema: pa.Schema, partitioned: Sequence[str] = (), **configuration: str) -> Action:
        fields = [
            {
                "name": field.name,
                "type": _DELTA.get(field.type, str(field.type)),
                "nullable": True,
                "metadata": {},
            }
            for field in schema
        ]
        own = {"delta.enableChangeDataFeed": "true", **configuration}
        text = json.dumps({"type": "struct", "fields": fields})
        return {"metaData": {"schemaString": text, "partitionColumns": [*partitioned], "configuration": own}}

    def add(self, rows: pa.Table, name: str = "", **told: Any) -> Action:
        path, size = self._file(rows, name)
        stats = json.dumps({"numRecords": rows.num_rows})
        return {"add": {"path": quote(path), "size": size, "dataChange": True, "stats": stats, **told}}

    def cdc(self, rows: pa.Table) -> Action:
        """Of a table with `_change_type`."""
        path, size = self._file(rows, f"_change_data/cdc-{self.files}.parquet")
        return {"cdc": {"path": path, "size": size, "dataChange": False, "partitionValues": {}}}

    def remove(self, added: Action) -> Action:
        return {"remove": {"path": added["add"]["path"], "dataChange": True}}

    def _file(self, rows: pa.Table, name: str) -> tuple[str, int]:
        self.files += 1
        path = name or f"part-{self.files}.parquet"
        data = parquet(rows)
        self.store.put(self.root + path, data)
        return path, len(data)


def parquet(
    rows: pa.Table, metadata: Mapping[str, str] = BY_SPARK, *, group: int | None = None, **options: Any
) -> bytes:
    """A file with that metadata; `group` is the rows of a row group."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, rows.schema, store_schema=False, **options) as writer:
        writer.write_table(rows, group)
        writer.add_key_value_metadata(metadata)
    return sink.getvalue()
