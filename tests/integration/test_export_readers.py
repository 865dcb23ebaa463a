"""What is exported is read by the libraries it is meant for, each in a process of its own, offline."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.export.run import export
from lakemint.names import Reference
from tests.unit.small_version import DATASET, publish, row, settings

COLUMNS = (
    ("sample_id", "string"),
    ("text", "string"),
    ("stars", "int64"),
    ("label", "string"),
    ("x", "binary"),
)
DATASETS = """
import datasets, json, sys
found = datasets.load_dataset(sys.argv[1])
streamed = datasets.load_dataset(sys.argv[1], streaming=True)
assert {name: list(split) for name, split in streamed.items()} == {name: list(s) for name, s in found.items()}
print(json.dumps({name: [str(row) for row in split] for name, split in found.items()}))
"""
WEBDATASET = """
import glob, json, sys, webdataset
labels = json.load(open(sys.argv[1] + "/lakemint.json"))["labels"]
def row(one):
    return str({**one["json"], "label": labels[one["cls"]], "x": one.get("x.bin")})
def rows(split):
    files = sorted(glob.glob(f"{sys.argv[1]}/{split}-*.tar"))
    return [row(one) for one in webdataset.WebDataset(files, shardshuffle=False).decode()]
print(json.dumps({split: rows(split) for split in ("train", "test")}))
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = settings(tmp_path)
    rows = [row(index, "test" if index % 5 == 0 else "train", x=bytes([index])) for index in range(40)]
    publish(config, [*rows, row(50, text="é \\x00 '", stars=2**63 - 1, x=None)], COLUMNS)
    return config


@pytest.mark.parametrize(
    ("to", "code"), [("parquet", DATASETS), ("huggingface", DATASETS), ("webdataset", WEBDATASET)]
)
def test_the_library_reads_the_versions_rows(config: Config, tmp_path: Path, to: str, code: str) -> None:
    export(config, Reference(DATASET, 1), to, tmp_path / "out")
    assert read(code, tmp_path) == {
        split: [
            str(one) for one in lakemint.open("notes@1", split=split, config=config).to_table().to_pylist()
        ]
        for split in ("train", "test")
    }


def read(code: str, folder: Path) -> Any:
    alone = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", code, str(folder / "out")]
    done = subprocess.run(
        command, env={**os.environ, **alone}, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
