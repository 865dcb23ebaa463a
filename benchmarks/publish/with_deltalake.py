"""deltalake: a table of the rows; a change by MERGE of the changed rows, or by overwriting the table."""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake


def main(step: str, rows: Path, folder: Path, how: str) -> None:
    table = str(folder / "remote")
    began = time.perf_counter()
    if step == "first" or how == "overwrite":
        write_deltalake(table, _stream(rows / step), mode="overwrite")
    else:
        changed = pq.read_table(rows / f"{step}-changed.parquet")
        merge = DeltaTable(table).merge(
            changed, "t.sample_id = s.sample_id", source_alias="s", target_alias="t"
        )
        merge.when_matched_update_all().when_not_matched_insert_all().execute()
    print(json.dumps({"seconds": time.perf_counter() - began}))


def _stream(state: Path) -> pa.RecordBatchReader:
    """All rows, not all at once."""
    parts = [pq.ParquetFile(part) for part in sorted(state.iterdir())]
    batches = (batch for part in parts for batch in part.iter_batches(8192))
    return pa.RecordBatchReader.from_batches(parts[0].schema_arrow, batches)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
