"""The DAG folder, as Airflow and its users see it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakemint.names import STAGES

CHECKOUT = Path(__file__).resolve().parents[2]
ROAD = ["bronze", "silver", "labels", "gold", "version"]
"""What wakes each stage after the first."""


def parse(schemas: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("parse_dags.py"), CHECKOUT / "dags"],
        env={**os.environ, "LAKEMINT_SCHEMAS": str(schemas)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def bag() -> dict[str, Any]:
    found = parse(CHECKOUT / "schemas")
    print(f"the DAG folder parses in {found['seconds'] * 1000:.0f} ms")
    return found


def test_every_dataset_has_every_stage(bag: dict[str, Any]) -> None:
    datasets = [folder.parent.name for folder in (CHECKOUT / "schemas").glob("*/recipe.yaml")]
    assert bag["errors"] == {}
    stages = (*STAGES, "erase", "promote")
    assert sorted(bag["dags"]) == sorted(f"{stage}_{name}" for stage in stages for name in datasets)


def test_parsing_is_quick(bag: dict[str, Any]) -> None:
    assert bag["seconds"] < 1


def test_parsing_imports_nothing_heavy(bag: dict[str, Any]) -> None:
    heavy = {
        "pyspark",
        "great_expectations",
        "label_studio_sdk",
        "torch",
        "pandas",
        "sklearn",
        "boto3",
        "pyarrow",
    }
    assert heavy & set(bag["modules"]) == set()


@pytest.mark.parametrize("dataset", ["reviews", "digits"])
def test_assets_chain_the_stages_into_the_road(bag: dict[str, Any], dataset: str) -> None:
    dags = [bag["dags"][f"{stage}_{dataset}"] for stage in STAGES]
    made = [[asset for task in dag["tasks"].values() for asset in task["makes"]] for dag in dags]
    assert made == [*([f"{name}/{dataset}"] for name in ROAD), []]
    assert [dag["woken_by"] for dag in dags] == [[], *made[:-1]]


@pytest.mark.parametrize(("stage", "writer"), [("refine", "refine"), ("assemble", "assemble")])
def test_a_table_is_announced_by_its_gate_only(bag: dict[str, Any], stage: str, writer: str) -> None:
    tasks = bag["dags"][f"{stage}_reviews"]["tasks"]
    assert tasks[writer]["then"] == ["gate"]
    assert tasks[writer]["makes"] == []
    assert len(tasks["gate"]["makes"]) == 1


def test_labeling_asks_then_waits_then_collects(bag: dict[str, Any]) -> None:
    tasks = bag["dags"]["label_reviews"]["tasks"]
    after = {name: task["then"] for name, task in tasks.items()}
    assert after == {"send": ["replay"], "replay": ["answered"], "answered": ["collect"], "collect": []}


def test_a_promotion_is_checked_then_approved_then_done(bag: dict[str, Any]) -> None:
    dag = bag["dags"]["promote_reviews"]
    assert {name: task["then"] for name, task in dag["tasks"].items()} == {
        "check": ["approve"],
        "approve": ["promote"],
        "promote": [],
    }
    assert dag["woken_by"] == []
    assert [(name, form["needed"]) for name, form in dag["params"].items()] == [
        ("version", True),
        ("channel", True),
        ("reason", False),
        ("expect", False),
    ]
    assert all(form["title"] and form["description"] for form in dag["params"].values())


def test_every_dag_explains_itself(bag: dict[str, Any]) -> None:
    for name, dag in bag["dags"].items():
        stage, _, dataset = name.partition("_")
        assert dag["doc"].startswith("# "), name
        for part in ("Woken by", "Reads", "Writes", "Wakes", "Safe to run again?** Yes.", "When it fails:"):
            assert part in dag["doc"], (name, part)
        assert "<dataset>" not in dag["doc"]
        assert dag["tags"] == sorted([dataset, stage])
        # A promotion may wait for a person for days, and holds up no other one: the channel orders them.
        assert (dag["active_runs"], dag["catchup"]) == (16 if stage == "promote" else 1, False)
        for task in dag["tasks"].values():
            assert task["doc"]
            assert task["owner"] == "lakemint"
            assert task["retries"] >= 2


def test_what_is_wrong_with_one_dataset_hurts_no_other(tmp_path: Path) -> None:
    for name, recipe in (("good", "sources: {}"), ("broken", "sources: [unclosed"), ("No-Name", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.yaml").write_text(recipe)
    found = parse(tmp_path)
    assert found["errors"] == {}
    assert {name.partition("_")[2] for name in found["dags"]} == {"good", "broken"}
