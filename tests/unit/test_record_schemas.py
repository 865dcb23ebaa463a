"""The JSON Schemas of the stored records are those of today's models, and fit what is stored."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

import lakemint
from lakemint.config import Config
from lakemint.erase.orders import Erasures
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.published.leases import lease
from lakemint.record_schemas import RECORDS, schema
from lakemint.store import open_store
from lakemint.subjects import Subjects
from tests.support import CHECKOUT
from tests.unit.erase.test_orders import placed, receipt_of
from tests.unit.small_version import DATASET, WHEN, publish_judged, row, settings

FOLDER = CHECKOUT / "schemas" / "_records"


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text())) for name in RECORDS}


def test_the_files_are_those_of_today() -> None:
    """Else: `make schemas`."""
    found = {path.stem: json.loads(path.read_text()) for path in FOLDER.iterdir()}
    assert found == {name: schema(record) for name, record in RECORDS.items()}


def stored(config: Config) -> dict[str, Any]:
    """One record of each kind that a small lake has, by kind."""
    store, lake = open_store(config), Lake(config.lake)
    publish_judged(config, [row(0)])
    channels.promote(store, lake, Channel(DATASET, "production"), 1, Order("ana", WHEN))
    erasures = Erasures(store, lake, DATASET)
    erasures.order(Subjects("author", "Bo"), "ana", "2026-11-23T12:00:00+00:00")
    done = placed(erasures, Subjects("author", "Eve"))
    erasures.replace(done, receipt_of(done))
    with lakemint.run("exp-7") as run:
        list(lakemint.open("notes@1", "train", config=config).loader(run=run))
    with (
        lease(store, lake, DATASET, "publish"),
        lakemint.open("notes@1", config=config).hold(days=1, by="ana"),
    ):
        documents = [json.loads(store.get(item.key)) for item in store.list("") if item.key.endswith(".json")]
    kinds = [
        (document.get("format", "").removeprefix("lakemint.").split("/")[0], document)
        for document in documents
    ]
    return {kind: document for kind, document in kinds if kind in RECORDS}


def test_what_is_stored_fits_its_schema_and_no_other(
    validators: dict[str, Draft202012Validator], tmp_path: Path
) -> None:
    found = stored(settings(tmp_path))
    assert found.keys() == RECORDS.keys() - {"baseline", "export"}
    for kind, document in found.items():
        for name, validator in validators.items():
            if name == kind:
                validator.validate(document)
            else:
                with pytest.raises(ValidationError):
                    validator.validate(document)
