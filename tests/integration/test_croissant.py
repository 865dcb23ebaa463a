"""Croissant: valid by MLCommons' own library, and true of the files it lies beside."""

import hashlib
import json
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

import lakemint
from lakemint.config import Config
from lakemint.digest import canonical, digest_of
from lakemint.export.card import keep_card
from lakemint.export.croissant import of_shards
from lakemint.export.run import FORMATS, export
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.opened import open_published
from lakemint.published.records import LabelSummary
from lakemint.store import open_store
from tests.unit.export.any_rows import AWKWARD, COLUMNS
from tests.unit.small_version import COLUMNS as TYPES
from tests.unit.small_version import DATASET, publish, row, settings

FIRST = Reference(DATASET, 1)
ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]
LABELS = LabelSummary(samples=40, answers=100, annotators=7, alpha=0.61, method="majority", replayed=True)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


def valid(place: Path) -> mlcroissant.Dataset:
    """The dataset as the library reads it; it raises for what is not valid, and warns of what is missing."""
    found = mlcroissant.Dataset(place)
    assert found.metadata.ctx.issues.errors == set()
    warnings = [text for text in found.metadata.ctx.issues.warnings if "license" not in text]
    assert warnings == []
    return found


@pytest.mark.parametrize("to", FORMATS)
def test_the_description_in_an_export_is_valid_and_names_every_file(
    config: Config, tmp_path: Path, to: str
) -> None:
    columns = ["sample_id", "text", "stars", "label"]
    bytes_ = [{**one, "image": b"x"} for one in ROWS]
    publish(config, bytes_, (*TYPES, ("image", "binary")), changed={"labels": LABELS})
    found = export(config, FIRST, to, tmp_path / "out")
    metadata = valid(tmp_path / "out" / "croissant.json").metadata
    assert str(metadata.ctx.conforms_to.value) == "http://mlcommons.org/croissant/1.1"
    named = {file.content_url: file.sha256 for file in metadata.file_objects}
    assert sorted(named) == sorted(set(found.files) - {"croissant.json"})
    for path, sha256 in named.items():
        assert hashlib.sha256((tmp_path / "out" / path).read_bytes()).hexdigest() == sha256
    fields = {record.id: [field.name for field in record.fields] for record in metadata.record_sets}
    for split in ("train", "test"):
        apart = fields.get(f"{split}-image-bytes", [])
        assert fields[split] == (columns if apart else [*columns, "image"])
        assert apart == (["sample_id", "content"] if to == "webdataset" else [])


def test_the_library_reads_the_rows_of_a_split(config: Config, tmp_path: Path) -> None:
    publish(config, ROWS)
    export(config, FIRST, "parquet", tmp_path / "out")
    dataset = valid(tmp_path / "out" / "croissant.json")
    assert [one["splits/name"] for one in dataset.records("splits")] == ["train", "test"]
    for split in ("train", "test"):
        wanted = lakemint.open("notes@1", split=split, config=config).to_table().to_pylist()
        found = [
            {name.partition("/")[2]: value for name, value in one.items()} for one in dataset.records(split)
        ]
        text = ("sample_id", "text", "label")
        assert found == [{k: v.encode() if k in text else v for k, v in one.items()} for one in wanted]


def test_a_version_is_described_as_it_lies_in_the_lake(config: Config) -> None:
    publish(config, ROWS)
    assert keep_card(config, FIRST)
    card = Path(config.lake.removeprefix("file://")) / "published" / DATASET / "card" / "00000001"
    stored = card / "croissant.json"
    assert json.loads(stored.read_text()) == of_shards(open_published(config, FIRST))
    files = valid(stored).metadata.file_objects
    assert len(files) == 6
    for file in files:
        assert hashlib.sha256((card / file.content_url).read_bytes()).hexdigest() == file.sha256


def test_it_says_how_the_labels_came_about_and_what_it_is_not(config: Config) -> None:
    publish(config, ROWS, changed={"labels": LABELS})
    described = of_shards(open_published(config, FIRST))
    assert described["rai:dataAnnotationPlatform"] == "Label Studio"
    assert described["rai:annotationsPerItem"] == "2.50 on average"
    assert described["rai:dataAnnotationAnalysis"] == [
        "Krippendorff's alpha 0.6100",
        "100 answers by 7 accounts",
    ]
    assert "an account is a position" in described["rai:dataLimitations"][0]
    publish(config, ROWS, changed={"labels": LabelSummary(method="known")})
    described = of_shards(open_published(config, Reference(DATASET, 2)))
    assert described["rai:dataAnnotationProtocol"] == "The raw records say the label; nobody was asked."
    assert not {"rai:dataAnnotationPlatform", "rai:dataLimitations"} & described.keys()


def contract(**changed: Any) -> dict[str, Any]:
    description = {"purpose": "To test.", "limitations": "Invented."}
    columns = [{"name": "text", "classification": "public"}, {"name": "label"}]
    return {
        "description": description,
        "schema": [{"name": "gold", "properties": columns}],
        "customProperties": [{"property": "license", "value": "https://spdx.org/licenses/CC0-1.0"}],
        **changed,
    }


def test_the_owners_words_are_those_of_the_contract_it_was_published_with(config: Config) -> None:
    digest = digest_of(contract())
    publish(config, ROWS, contract=digest)
    open_store(config).put(Lake(config.lake).document(DATASET, digest), canonical(contract()))
    described = of_shards(open_published(config, FIRST))
    assert described["description"].startswith("To test.\n\nVersion 1 of the dataset notes: train 32, ")
    assert described["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert described["rai:dataLimitations"] == ["Invented."]
    assert described["rai:dataUseCases"] == ["To test."]
    assert described["rai:personalSensitiveInformation"] == ["text: public"]
    open_store(config).delete(Lake(config.lake).document(DATASET, digest))
    assert "license" not in of_shards(open_published(config, FIRST))


def test_a_description_with_awkward_names_and_without_rows_is_valid(config: Config, tmp_path: Path) -> None:
    names = ["files", *(f"x{text}" for text in AWKWARD)]
    publish(config, [{**row(1, label=name), **dict.fromkeys(names, True)} for name in names[:1]], COLUMNS[:1])
    columns = (*COLUMNS[:1], *((name, "bool") for name in names))
    publish(config, [{**row(1), **dict.fromkeys(names, True)}], columns)
    publish(config, [], COLUMNS)
    columns = (*COLUMNS[:1], *((name, "binary") for name in names))
    publish(config, [{**row(1), **dict.fromkeys(names, b"x")}], columns)
    for number in (1, 2, 3, 4):
        folder = tmp_path / str(number)
        export(config, Reference(DATASET, number), "webdataset", folder)
        valid(folder / "croissant.json")
