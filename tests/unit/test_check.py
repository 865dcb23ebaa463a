"""A contract and a recipe that are fine by themselves, and do not fit."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lakemint.check import check_dataset, problems
from lakemint.cli import main
from lakemint.errors import LakemintError
from tests.unit.contracts import Change, column, silver, write


def test_the_demo_datasets_contracts_and_recipes_fit() -> None:
    schemas = Path(__file__).resolve().parents[2] / "schemas"
    assert {name: problems(schemas, name) for name in ("digits", "reviews")} == {"digits": [], "reviews": []}


def test_what_fits_passes(tmp_path: Path) -> None:
    assert problems(write(tmp_path), "pets") == []
    check_dataset(tmp_path, "pets")


def change_gold(contract: dict[str, Any], **column: Any) -> None:
    contract["schema"][1]["properties"].append({"logicalType": "string", **column})


@pytest.mark.parametrize(
    ("contract", "recipe", "told"),
    [
        (
            lambda c: silver(c)["properties"].append({"name": "wings", "logicalType": "integer"}),
            None,
            "contract.yaml: schema[silver].properties[wings]: no source in recipe.yaml has it; there are",
        ),
        (
            lambda c: change_gold(c, name="tail"),
            None,
            "contract.yaml: schema[gold].properties[tail]: silver has no such column to take it from",
        ),
        (
            lambda c: change_gold(c, name="age"),
            None,
            "schema[gold].properties[age]: string here, but long in silver; write the same type",
        ),
        (
            lambda c: column(c, "label", 1).update(name="answer"),
            None,
            "contract.yaml: schema[gold]: no property 'label'",
        ),
        (
            None,
            lambda r: r["label"].update(known="kind"),
            "recipe.yaml: label.known: 'kind' is no column of silver",
        ),
        (
            None,
            lambda r: r["label"]["classes"].update(bird=["3"]),
            "recipe.yaml: label.classes.bird: the contract's gold allows only cat, dog",
        ),
        (
            None,
            lambda r: r["baseline"].update(input="picture"),
            "recipe.yaml: baseline.input: 'picture' is no column of gold",
        ),
        (
            None,
            lambda r: r["baseline"].update(encode="image"),
            "recipe.yaml: baseline.encode: image needs binary, not string",
        ),
        (
            None,
            lambda r: r.update(
                label={"form": "label.xml", "sample": {"size": 1}, "answers": {"per_sample": 1}}
            ),
            "schemas/pets/label.xml: not found",
        ),
    ],
)
def test_a_misfit_names_both_sides(
    tmp_path: Path, contract: Change | None, recipe: Change | None, told: str
) -> None:
    lines = problems(write(tmp_path, contract, recipe), "pets")
    assert any(told in line for line in lines)
    with pytest.raises(LakemintError, match=r"schemas/pets/"):
        check_dataset(tmp_path, "pets")


def test_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, lambda c: c.update(owner="me"), lambda r: r.update(lable={}))
    lines = problems(tmp_path, "pets")
    assert any("contract.yaml: owner: no such field" in line for line in lines)
    assert any("recipe.yaml: lable: no such field; did you mean 'label'?" in line for line in lines)


def test_the_command_shows_them_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas = write(tmp_path / "schemas", lambda c: c.update(owner="me"))
    monkeypatch.chdir(tmp_path)

    def check(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["lakemint", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    status, shown = check()
    assert status == 1
    assert "pets: 1 problem\n  schemas/pets/contract.yaml: owner: no such field" in shown
    assert len(json.loads(check("--json")[1])["pets"]) == 1
    write(schemas)
    assert check("pets") == (0, "pets: in order\n")
