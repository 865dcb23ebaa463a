"""What a Spark worker does: open raw objects through the store, parse them, hand on Arrow batches.

The rows of an object are of four kinds: `record` and `problem` (what it holds), then one `object` that
counts them. An object that is gone, or no longer the bytes that were listed, has no rows at all. One that
the store failed to deliver ends in a row `failed`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakemint.dataset.recipe import Recipe
from lakemint.errors import ObjectExists, ObjectNotFound, StoreError
from lakemint.ingest.formats import Parsed, Problem, parse
from lakemint.lake import Lake
from lakemint.store import Store, StoreAddress

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 5_000
BATCH_BYTES = 4 * 1024 * 1024
"""A batch is closed at the first of the two. The JVM holds a batch whole, and Arrow's offsets end at 2 GiB:
unbounded batches of long lines would break the one or the other."""


@dataclass(frozen=True)
class ObjectReader:
    """All a worker must know to read raw objects."""

    address: StoreAddress
    recipe: Recipe

    def schema(self) -> "pa.Schema":
        """The rows' columns; the recipe's own stand apart, in the struct `fields`."""
        import pyarrow as pa

        types = {"string": pa.string(), "binary": pa.binary()}
        fields = [pa.field(name, types[kind]) for name, kind in self.recipe.columns.items()]
        return pa.schema(
            [
                pa.field("kind", pa.string()),
                pa.field("object", pa.string()),
                pa.field("etag", pa.string()),
                pa.field("source", pa.string()),
                pa.field("size", pa.int64()),
                pa.field("line", pa.int64()),
                pa.field("fields", pa.struct(fields)),
                pa.field("reason", pa.string()),
                pa.field("head", pa.binary()),
                pa.field("records", pa.int64()),
                pa.field("quarantined", pa.int64()),
            ]
        )

    def run(self, batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        """Rows (object, etag, source, size) in, the rows of what they hold out, in bounded batches."""
        import pyarrow as pa

        store = self.address.open()
        schema = self.schema()
        rows: list[dict[str, Any]] = []
        size = 0
        for batch in batches:
            for item in batch.to_pylist():
                for row in self._read(store, item):
                    rows.append(row)
                    size += _size(row)
                    if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                        yield pa.RecordBatch.from_pylist(rows, schema)
                        rows, size = [], 0
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema)

    def _read(self, store: Store, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
        dataset, source = self.recipe.dataset, item["source"]
        name = item["object"].removeprefix(Lake(self.address.lake).raw(dataset, source))
        records = quarantined = 0
        try:
            with store.open(item["object"], item["etag"]) as stream:
                for parsed in parse(stream, name, self.recipe.sources[source]):
                    row = _row(parsed)
                    records += row["kind"] == "record"
                    quarantined += row["kind"] == "problem"
                    yield {**item, **row}
        except (ObjectNotFound, ObjectExists):
            return
        except StoreError as error:
            yield {**item, "kind": "failed", "reason": str(error)}
            return
        yield {**item, "kind": "object", "records": records, "quarantined": quarantined}


def _row(parsed: Parsed) -> dict[str, Any]:
    line, content = parsed
    if isinstance(content, Problem):
        return {"kind": "problem", "line": line, "reason": content.reason, "head": content.head}
    return {"kind": "record", "line": line, "fields": content}


def _size(row: dict[str, Any]) -> int:
    """About the bytes a row takes."""
    return 100 + sum(len(value) for value in (row.get("fields") or {}).values() if value is not None)
