"""WebDataset: any rows come back as they were, and no name leads anywhere."""

import json
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.config import Config
from lakemint.errors import ExportError
from lakemint.export.run import Exported, export
from lakemint.names import Reference
from tests.unit.export.any_rows import AWKWARD, COLUMNS, any_rows
from tests.unit.small_version import DATASET, Row, manifest_and_shards, publish, row
from tests.unit.small_version import settings as lake_in


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return lake_in(tmp_path)


def write(config: Config, folder: Path, number: int = 1) -> Exported:
    return export(config, Reference(DATASET, number), "webdataset", folder)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        contents = {member.name: tar.extractfile(member) for member in tar}
        return {name: stream.read() for name, stream in contents.items() if stream}


@settings(max_examples=8)
@given(rows=any_rows())
def test_any_rows_come_back(rows: list[Row]) -> None:
    """The export reads itself back; here its files are counted, and their bytes found to be the same."""
    with tempfile.TemporaryDirectory() as name:
        config, folder, other = lake_in(Path(name)), Path(name) / "out", Path(name) / "other"
        publish(config, rows, COLUMNS)
        found = write(config, folder)
        keys = {name.split(".")[0] for name, _ in _all(folder)}
        assert keys == {str(one["sample_id"]) for one in rows}
        write(config, other)
        for file in found.files:
            assert (folder / file).read_bytes() == (other / file).read_bytes()


def test_the_files_of_a_sample_are_named_by_what_they_are(config: Config, tmp_path: Path) -> None:
    images = {
        "png": b"\x89PNG\r\n\x1a\n1",
        "jpg": b"\xff\xd8\xff1",
        "gif": b"GIF89a",
        "webp": b"RIFF\0\0\0\0WEBP",
        "bin": b"",
    }
    rows = [row(index, bucket=0, image=image) for index, image in enumerate(images.values())]
    publish(config, [*rows, row(9, bucket=0, image=None)], (*COLUMNS[:3], ("label", "string")))
    assert write(config, tmp_path / "out").files[0] == "train-000000.tar"
    found = members(tmp_path / "out" / "train-000000.tar")
    for one, (kind, image) in zip(rows, images.items(), strict=True):
        key = one["sample_id"]
        assert found.pop(f"{key}.image.{kind}") == image
        told = {"sample_id": key, "text": one["text"], "label": one["label"]}
        assert json.loads(found.pop(f"{key}.json")) == told
        assert found.pop(f"{key}.cls") == {"a": b"0", "b": b"1"}[one["label"]]
    assert sorted(name.partition(".")[2] for name in found) == ["cls", "json"]


def test_a_label_is_its_number_where_it_has_one(config: Config, tmp_path: Path) -> None:
    columns = (("sample_id", "string"), ("label", "int64"))
    publish(config, [row(1, label=7), row(2, label=None)], columns)
    write(config, tmp_path / "one")
    (found,) = (content for name, content in _all(tmp_path / "one") if name.endswith(".cls"))
    assert found == b"7"
    publish(config, [row(1, label=0.5)], (columns[0], ("label", "double")))
    write(config, tmp_path / "two", 2)
    assert [name.partition(".")[2] for name, _ in _all(tmp_path / "two")] == ["json"]


def _all(folder: Path) -> list[tuple[str, bytes]]:
    return [item for path in sorted(folder.glob("*.tar")) for item in members(path).items()]


@given(
    sample_id=st.sampled_from([text for text in AWKWARD if text] + ["a.b", ".json", "~", "__x__", "x" * 300])
)
@settings(max_examples=8)
def test_no_name_leads_anywhere_or_falls_apart(sample_id: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        config, folder = lake_in(Path(name)), Path(name) / "out"
        column = "../x/\x00y.json"
        columns = (("sample_id", "string"), ("label", "string"), (column, "binary"))
        publish(config, [{**row(1, sample_id=sample_id), column: b"bytes"}], columns)
        write(config, folder)
        names = [name for name, _ in _all(folder)]
        assert len(names) == 3
        assert not any("/" in one or "\x00" in one or one.startswith(".") for one in names)
        assert len({one.split(".")[0] for one in names}) == 1
        assert json.loads(dict(_all(folder))[names[0]])["sample_id"] == sample_id


def test_what_no_tar_of_samples_can_hold_is_an_error(config: Config, tmp_path: Path) -> None:
    publish(config, [row(1, sample_id="")])
    with pytest.raises(ExportError, match="a row has no sample_id"):
        write(config, tmp_path / "out")


def test_labels_that_the_manifest_does_not_count_are_an_error(config: Config, tmp_path: Path) -> None:
    train = manifest_and_shards([row(1), row(2)])[0].splits["train"]
    publish(
        config, [row(1), row(2)], changed={"splits": {"train": train.model_copy(update={"labels": {"a": 2}})}}
    )
    with pytest.raises(ExportError, match="the label 'b' is in the shards, but not in the manifest's counts"):
        write(config, tmp_path / "out")
