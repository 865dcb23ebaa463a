"""Parquet: any rows come back as they were."""

import tempfile
from pathlib import Path

import pyarrow.dataset as ds
from hypothesis import given, settings

import lakemint
from lakemint.export.run import export
from lakemint.names import Reference
from tests.unit.export.any_rows import COLUMNS, any_rows
from tests.unit.small_version import DATASET, Row, publish
from tests.unit.small_version import settings as lake_in


@settings(max_examples=8)
@given(rows=any_rows())
def test_any_rows_come_back(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as name:
        config, folder = lake_in(Path(name)), Path(name) / "out"
        publish(config, rows, COLUMNS)
        export(config, Reference(DATASET, 1), "parquet", folder)
        version = lakemint.open("notes@1", config=config)
        for split in version.splits:
            files = sorted((folder / "data").glob(f"{split}-*.parquet"))
            assert bool(files) == bool(len(version[split]))
            if files:
                table = ds.dataset(files, format="parquet").to_table()
                # By text: NaN is not equal to itself.
                assert repr(table.to_pylist()) == repr(version[split].to_table().to_pylist())
                assert table.schema.equals(version.schema)
