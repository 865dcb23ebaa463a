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
            lambda c: silver(c)["properties"].pop(),
            lambda r: r.update(split={"stratify": "age"}),
            "recipe.yaml: split.stratify: 'age' is no column of silver; there are sample_id, source, text",
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


FORM = """<View><Text name="t" value="$txt"/>
<Choices name="c" toName="t"><Choice value="1"/><Choice value="bird"/></Choices></View>"""


def test_all_mistakes_of_all_files_are_told_at_once_and_each_once(tmp_path: Path) -> None:
    def contract(c: dict[str, Any]) -> None:
        c["name"] = "cats"
        column(c, "text").update(logicalTypeOptions={"maxLenght": 9})
        column(c, "age").update(logicalType="integr", quality=[{"metric": "nullValues", "mustBee": 0}])
        column(c, "source").update(quality=[{"metric": "invalidValues", "mustBe": 0}])
        change_gold(c, name="age")
        change_gold(c, name="tail")
        silver(c)["properties"].append({"name": "fur", "logicalType": "string", "requird": True})

    def recipe(r: dict[str, Any]) -> None:
        shelter = r["sources"]["shelter"]
        shelter.update(format="tvs", colums=shelter.pop("columns"))
        r.update(refine=[{"drop": {"empty": ["tekst"]}}], split={"train": 0.9}, publsh={"buckets": 0})
        r["label"].pop("known")
        r["label"].update(
            form="label.xml", sample={"sise": 5, "strata": "kind"}, answers={"per_sample": "3x"}
        )
        r["baseline"]["input"] = "age"

    (write(tmp_path, contract, recipe) / "pets" / "label.xml").write_text(FORM)
    told = [line.removeprefix("schemas/pets/") for line in problems(tmp_path, "pets")]
    slip = "no such field; did you mean"
    there = "there are sample_id, source, text, fur"
    expected = f"""
contract.yaml: name: 'cats'; a dataset is named like its folder: write name: pets, or rename the folder
contract.yaml: schema[silver].properties[text].logicalTypeOptions.maxLenght: {slip} 'maxLength'?
contract.yaml: schema[silver].properties[age].logicalType: unknown type 'integr'; known: string, integer, \
number, boolean, date, timestamp
contract.yaml: schema[silver].properties[age].quality[0].mustBee: {slip} 'mustBe'?
contract.yaml: schema[silver].properties[source].quality[0]: metric invalidValues needs arguments: \
{{validValues: […]}} or {{pattern: …}}
contract.yaml: schema[silver].properties[fur].requird: {slip} 'required'?
contract.yaml: schema[silver].properties[fur]: no source in recipe.yaml has it; there are text, age
contract.yaml: schema[gold].properties[tail]: silver has no such column to take it from; {there}
recipe.yaml: sources.shelter.format: Input should be 'tsv', 'csv', 'jsonl' or 'file'
recipe.yaml: sources.shelter.colums: {slip} 'columns'?
recipe.yaml: refine.0.drop.empty: no source has a column 'tekst'; there are text, age
recipe.yaml: split: train + validation + test is 1.1, not 1
recipe.yaml: publsh: {slip} 'publish'?
recipe.yaml: publish.buckets: Input should be greater than or equal to 1
recipe.yaml: label.sample.sise: {slip} 'size'?
recipe.yaml: label.sample.strata: 'kind' is no column of silver; {there}
recipe.yaml: label.answers.per_sample: Input should be a valid integer
label.xml: $txt: the contract's silver has no such column; {there}
label.xml: <Choice value='bird'>: recipe.yaml's label.classes gives it no class; add it there
"""
    assert sorted(told) == sorted(expected.strip().splitlines())


@pytest.mark.parametrize("given", [{"physicalType": "STRING"}, {"physicalType": "binary"}])
def test_options_of_a_property_with_a_physical_type_only_are_those_of_that_type(
    tmp_path: Path, given: dict[str, str]
) -> None:
    def change(contract: dict[str, Any], **options: int) -> None:
        text = column(contract, "text")
        del text["logicalType"]
        text.update(given, logicalTypeOptions=options)

    about_text = [
        line
        for line in problems(write(tmp_path, lambda c: change(c, maxLenght=9)), "pets")
        if "schema[silver]" in line
    ]
    assert about_text == [
        "schemas/pets/contract.yaml: schema[silver].properties[text].logicalTypeOptions.maxLenght: "
        "no such field; did you mean 'maxLength'?"
    ]
    write(tmp_path, lambda c: change(c, maxLength=9))
    assert not [line for line in problems(tmp_path, "pets") if "logicalTypeOptions" in line]


@pytest.mark.parametrize(
    ("contract", "recipe", "told"),
    [
        (lambda c: column(c, "text").pop("logicalType"), None, "[text]: no type; write logicalType"),
        (lambda c: column(c, "text").pop("name"), None, "properties[2]: 'name' is a required property"),
        (lambda c: column(c, "label", 1).update(logicalType=5), None, "[label].logicalType: unknown type 5"),
        (lambda c: c.update(schema={}), None, "schema: {} is not of type 'array'"),
        (lambda c: c.update(scema=c.pop("schema")), None, "scema: no such field; did you mean 'schema'?"),
        (lambda c: c.update(nme=c.pop("name")), None, "nme: no such field; did you mean 'name'?"),
        (None, lambda r: r.update(lable=r.pop("label")), "lable: no such field; did you mean 'label'?"),
        (None, lambda r: r.update(content=5), "content: Input should be a valid list"),
        (None, lambda r: r["sources"]["shelter"].update(columns="text"), "columns: Input should be a valid"),
        (None, lambda r: r.pop("sources"), "sources: Field required"),
        (None, lambda r: r["label"].update(known=7), "label.known: Input should be a valid string"),
        (None, lambda r: r["label"].update(shingle=5), "label.shingle: no such field"),
        (None, lambda r: r["label"].update(jacard=5), "label.jacard: no such field; did you mean 'jaccard'"),
        (None, lambda r: r.update(baseline=[]), "baseline: Input should be a valid dictionary"),
        (
            None,
            lambda r: r.update(split={"stratify": "tekst"}),
            "split.stratify: no source has a column 'tekst'; there are source, text, age",
        ),
        (
            None,
            lambda r: r.update(split={"stratfy": "age"}),
            "split.stratfy: no such field; did you mean 'stratify'?",
        ),
        (
            None,
            lambda r: (
                r["sources"].update(scans={"format": "file", "path": "{text}.png", "content": "scan"}),
                r.update(split={"stratify": "scan"}),
            ),
            "split.stratify: 'scan' holds bytes; name a column whose values are classes",
        ),
    ],
)
def test_one_mistake_is_told_once_without_what_follows_from_it(
    tmp_path: Path, contract: Change | None, recipe: Change | None, told: str
) -> None:
    (line,) = problems(write(tmp_path, contract, recipe), "pets")
    assert told in line


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
