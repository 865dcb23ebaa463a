"""A small dataset's files, for tests that change one thing in them."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

KEY = {"name": "sample_id", "logicalType": "string", "required": True, "unique": True}
CONTRACT: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "pets",
    "name": "pets",
    "version": "1.0.0",
    "status": "active",
    "description": {"purpose": "Pets."},
    "schema": [
        {
            "name": "silver",
            "properties": [
                KEY,
                {"name": "source", "logicalType": "string", "required": True},
                {"name": "text", "logicalType": "string"},
                {"name": "age", "logicalType": "integer"},
            ],
        },
        {
            "name": "gold",
            "properties": [
                KEY,
                {"name": "text", "logicalType": "string", "required": True},
                {
                    "name": "label",
                    "logicalType": "string",
                    "quality": [
                        {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["cat", "dog"]}}
                    ],
                },
            ],
        },
    ],
}
RECIPE: dict[str, Any] = {
    "sources": {"shelter": {"format": "tsv", "columns": ["text", "age"]}},
    "content": ["text"],
    "label": {"known": "text", "classes": {"cat": ["1"], "dog": ["2"]}},
    "baseline": {"input": "text", "encode": "text"},
}

Change = Callable[[dict[str, Any]], Any]


def write(schemas: Path, contract: Change | None = None, recipe: Change | None = None) -> Path:
    """Write the dataset `pets` under `schemas`, each file after its change; returns `schemas`."""
    for name, document, change in (("contract", CONTRACT, contract), ("recipe", RECIPE, recipe)):
        changed = deepcopy(document)
        if change:
            change(changed)
        path = schemas / "pets" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(changed))
    return schemas


def silver(contract: dict[str, Any]) -> Any:
    return contract["schema"][0]


def column(contract: dict[str, Any], name: str, table: int = 0) -> Any:
    return next(item for item in contract["schema"][table]["properties"] if item["name"] == name)
