"""MDS and LitData: the bytes that the libraries' own writers make of the same rows, and what cannot be."""

import datetime
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.config import Config
from lakemint.digest import sha256
from lakemint.errors import ExportError
from lakemint.export import samples
from lakemint.export.run import Exported, export
from lakemint.names import Reference
from tests.unit.export.any_rows import COLUMNS, any_rows
from tests.unit.small_version import DATASET, Row, publish, row
from tests.unit.small_version import settings as lake_in

FORMATS = ("mds", "litdata")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return lake_in(tmp_path)


def write(config: Config, to: str, folder: Path, number: int = 1) -> Exported:
    return export(config, Reference(DATASET, number), to, folder)


def plain(index: int) -> Row:
    """A row of every type, without anything awkward."""
    return row(
        index,
        bucket=0,
        sample_id=f"{index:032x}",
        text="é" * index,
        image=bytes(range(index)),
        big=2**63 - 1 - index,
        small=-index,
        score=index / 3,
        weight=index / 2,
        seen=bool(index % 2),
        day=datetime.date(2026, 11, index + 1),
        at=datetime.datetime(2026, 11, 22, 12, 0, index, tzinfo=datetime.UTC),
        label="ab"[index % 2],
    )


def test_a_shard_of_mds_is_what_the_library_writes(config: Config, tmp_path: Path) -> None:
    """By `MDSWriter` of mosaicml-streaming 0.13.0, of the same rows with sha256 and no size limit."""
    publish(config, [plain(index) for index in range(3)], COLUMNS)
    assert write(config, "mds", tmp_path / "out").files[:2] == ["train/shard.00000.mds", "train/index.json"]
    shard = (tmp_path / "out" / "train" / "shard.00000.mds").read_bytes()
    index = (tmp_path / "out" / "train" / "index.json").read_bytes()
    assert sha256(shard) == "74bb3a560fb3f870cc4f393fc70f18a12b11437f0bd4ce3007777612971dd6f7"
    assert sha256(index) == "a801ec7087de98b9f323a900c9d9d31c40be336643ce5c7126d5ede2ff5ad4cf"


def test_a_chunk_of_litdata_is_what_the_library_writes(config: Config, tmp_path: Path) -> None:
    """By `BinaryWriter` of litdata 0.2.40, of the same rows."""
    publish(config, [plain(index) for index in range(3)], COLUMNS)
    assert write(config, "litdata", tmp_path / "out").files[:2] == ["train/chunk-0-0.bin", "train/index.json"]
    chunk = (tmp_path / "out" / "train" / "chunk-0-0.bin").read_bytes()
    assert sha256(chunk) == "60566819b799c6d4a1ee58c7cf50bfc327c5d4b4e286b7dfd9b1c1dd44d0739f"
    index = json.loads((tmp_path / "out" / "train" / "index.json").read_text())
    assert index["chunks"] == [
        {"chunk_bytes": len(chunk), "chunk_size": 3, "dim": None, "filename": "chunk-0-0.bin"}
    ]
    assert index["config"]["data_format"] == [
        *("str", "str", "bytes", "int", "int", "float", "float", "bool", "str", "str", "str")
    ]
    spec = json.loads(index["config"]["data_spec"])[1]
    assert (spec["type"], json.loads(spec["context"])) == ("builtins.dict", [name for name, _ in COLUMNS])
    assert len(spec["children_spec"]) == len(COLUMNS)


@settings(max_examples=8)
@given(rows=any_rows(nulls=False), to=st.sampled_from(FORMATS))
def test_any_rows_without_nulls_come_back(rows: list[Row], to: str) -> None:
    """The export reads itself back and compares."""
    with tempfile.TemporaryDirectory() as name:
        config = lake_in(Path(name))
        publish(config, rows, COLUMNS)
        assert write(config, to, Path(name) / "out").rows == len(rows)


@pytest.mark.parametrize("to", FORMATS)
def test_each_split_has_its_files_and_one_index(
    config: Config, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakemint.export.samples.FILE_BYTES", 1)
    publish(config, [row(index, "test" if index % 5 == 0 else "train") for index in range(40)])
    write(config, to, tmp_path / "out")
    kind = {"mds": "shards", "litdata": "chunks"}[to]
    for split, rows in (("train", 32), ("test", 8)):
        held = json.loads((tmp_path / "out" / split / "index.json").read_text())[kind]
        assert len(held) == len(list((tmp_path / "out" / split).iterdir())) - 1 == 3
        assert sum(one["samples" if to == "mds" else "chunk_size"] for one in held) == rows
    assert not (tmp_path / "out" / "validation").exists()


@pytest.mark.parametrize("to", FORMATS)
def test_what_the_format_cannot_hold_is_an_error_that_names_it(
    config: Config, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(config, [row(1), row(2, text=None)])
    words = f"the column text has no value in sample {row(2)['sample_id']}, and this format has no nulls"
    with pytest.raises(ExportError, match=words):
        write(config, to, tmp_path / "nulls")
    publish(config, [row(1)])
    monkeypatch.setattr(samples, "_LONGEST", 50)
    with pytest.raises(ExportError, match=r"would have .* bytes, 50 at most"):
        write(config, to, tmp_path / "long", 2)


@pytest.mark.parametrize("to", FORMATS)
def test_a_file_with_another_head_or_end_is_not_read(config: Config, tmp_path: Path, to: str) -> None:
    publish(config, [row(1)])
    found = write(config, to, tmp_path / "out")
    (tmp_path / "out" / "lakemint.json").rename(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text())
    claim = {name: record[name] for name in ("digest", "format", "lakemint", "to", "version")}
    harmed = tmp_path / "out" / found.files[0]
    whole = harmed.read_bytes()
    for data in (b"", whole[:2], whole + b"x", whole[:-1], b"\xff" * len(whole)):
        harmed.write_bytes(data)
        (tmp_path / "out" / "lakemint.unfinished.json").write_text(json.dumps(claim, separators=(",", ":")))
        with pytest.raises(ExportError, match="it cannot be read back"):
            write(config, to, tmp_path / "out")
