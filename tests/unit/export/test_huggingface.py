"""The layout of the Hugging Face Hub: what `datasets` needs to know stands in the head of README.md."""

from pathlib import Path
from typing import Any

import yaml

from lakemint.export.run import export
from lakemint.names import Reference
from tests.unit.export.any_rows import COLUMNS
from tests.unit.small_version import DATASET, publish, row, settings


def head(folder: Path) -> Any:
    _, head, _ = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head)


def test_the_head_names_files_splits_and_features(tmp_path: Path) -> None:
    config = settings(tmp_path)
    publish(config, [row(index, "test" if index % 5 == 0 else "train") for index in range(40)])
    found = export(config, Reference(DATASET, 1), "huggingface", tmp_path / "out")
    assert "README.md" in found.files
    told = head(tmp_path / "out")
    assert told["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "test", "path": "data/test-*.parquet"},
    ]
    assert [(split["name"], split["num_examples"]) for split in told["dataset_info"]["splits"]] == [
        ("train", 32),
        ("test", 8),
    ]
    files = [path for path in (tmp_path / "out" / "data").iterdir()]
    assert told["dataset_info"]["download_size"] == sum(file.stat().st_size for file in files)
    assert (told["pretty_name"], told["size_categories"]) == ("notes@1", ["n<1K"])


def test_every_type_has_its_name_and_no_name_breaks_the_head(tmp_path: Path) -> None:
    config = settings(tmp_path)
    hostile = "---\n: [x]\t'\"&*"
    publish(config, [], (*COLUMNS, (hostile, "bool")))
    export(config, Reference(DATASET, 1), "huggingface", tmp_path / "out")
    features = head(tmp_path / "out")["dataset_info"]["features"]
    assert {feature["name"]: feature["dtype"] for feature in features} == {
        "sample_id": "string",
        "text": "string",
        "image": "binary",
        "big": "int64",
        "small": "int32",
        "score": "float64",
        "weight": "float32",
        "seen": "bool",
        "day": "date32",
        "at": "timestamp[us, tz=UTC]",
        "label": "string",
        hostile: "bool",
    }
