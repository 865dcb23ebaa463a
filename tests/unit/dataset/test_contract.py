"""Contracts: what they promise becomes rules; what is wrong is named with the way out, all at once."""

from pathlib import Path
from typing import Any

import pytest

from lakemint.dataset.contract import load_contract
from lakemint.dataset.quality import Limit, Rule
from lakemint.errors import ContractError
from tests.unit.contracts import Change, column, silver, write


def rules(schemas: Path) -> dict[str, Rule]:
    return {rule.name: rule for rule in load_contract(schemas, "pets").table("silver").rules}


def custom(kind: str, **arguments: str) -> dict[str, Any]:
    """A quality rule by the name of an expectation."""
    implementation = {"type": kind, "kwargs": arguments}
    return {"type": "custom", "engine": "greatExpectations", "implementation": implementation}


def complaint(tmp_path: Path, change: Change) -> str:
    with pytest.raises(ContractError) as error:
        load_contract(write(tmp_path, change), "pets")
    return str(error.value)


def test_columns_have_sparks_types_and_the_physical_type_wins(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        for name, kind in (
            ("number", "number"),
            ("yes", "boolean"),
            ("day", "date"),
            ("moment", "timestamp"),
        ):
            silver(contract)["properties"].append({"name": name, "logicalType": kind})
        column(contract, "text")["physicalType"] = "BINARY"

    table = load_contract(write(tmp_path, change), "pets").table("silver")
    assert [(one.name, one.type) for one in table.columns] == [
        ("sample_id", "string"),
        ("source", "string"),
        ("text", "binary"),
        ("age", "long"),
        ("number", "double"),
        ("yes", "boolean"),
        ("day", "date"),
        ("moment", "timestamp"),
    ]
    assert list(table.stored)[-4:] == ["object", "line", "etag", "batch"]


def test_fields_of_a_property_become_critical_rules(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        column(contract, "text")["logicalTypeOptions"] = {"minLength": 1, "maxLength": 9, "pattern": "^a"}
        column(contract, "age")["logicalTypeOptions"] = {"minimum": 0, "exclusiveMaximum": 30}
        column(contract, "source")["enum"] = [{"value": "shelter"}, {"value": "street"}]

    found = rules(write(tmp_path, change))
    assert list(found) == [
        "sample_id is never null",
        "sample_id is unique",
        "source is never null",
        "source is one of shelter, street",
        "text matches ^a",
        "text has between 1 and 9 characters",
        "age is between 0 and anything",
        "age is strictly between anything and 30",
    ]
    assert {rule.severity for rule in found.values()} == {"critical"}
    assert dict(found["age is strictly between anything and 30"].arguments) == {"max": 30, "strict": True}


def test_quality_metrics_become_rules_with_their_limits(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        silver(contract)["quality"] = [
            {"metric": "rowCount", "mustBeBetween": [1, 9]},
            {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["source", "text"]}},
        ]
        column(contract, "text")["quality"] = [
            {"metric": "nullValues", "mustBeLessThan": 5, "unit": "percent", "severity": "warning"},
            {"metric": "missingValues", "mustBe": 0, "arguments": {"missingValues": ["", "n/a"]}},
            {"type": "text", "description": "reads well"},
            {
                "name": "no shouting",
                "metric": "invalidValues",
                "mustBe": 0,
                "arguments": {"pattern": "[a-z]"},
            },
        ]

    found = rules(write(tmp_path, change))
    few = found["text is never null (broken must be less than 5 percent)"]
    assert (few.kind, few.severity, few.limit) == (
        "not_null",
        "warning",
        Limit("mustBeLessThan", 5, "percent"),
    )
    assert found["text is none of '', n/a"].kind == "not_in_set"
    assert found["no shouting"].kind == "matches"
    assert found["row count must be between 1 and 9"].limit.holds(9, 9)
    assert not found["row count must be between 1 and 9"].limit.holds(10, 10)
    assert dict(found["source and text are unique together"].arguments) == {"columns": ["source", "text"]}


def test_a_key_of_several_columns_is_unique_as_a_whole(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        column(contract, "text")["primaryKey"] = True
        column(contract, "age")["primaryKey"] = True

    found = rules(write(tmp_path, change))
    assert "text and age are unique together" in found
    assert "text is never null" in found
    assert "text is unique" not in found


@pytest.mark.parametrize(
    ("operator", "operand", "unit", "accepted"),
    [
        ("mustBe", 2, "rows", {2}),
        ("mustNotBe", 2, "rows", {0, 1, 3, 4}),
        ("mustBeGreaterThan", 2, "rows", {3, 4}),
        ("mustBeGreaterOrEqualTo", 2, "rows", {2, 3, 4}),
        ("mustBeLessThan", 2, "rows", {0, 1}),
        ("mustBeLessOrEqualTo", 50, "percent", {0, 1, 2}),
        ("mustBeBetween", (1, 3), "rows", {1, 2, 3}),
        ("mustNotBeBetween", (1, 3), "rows", {0, 4}),
    ],
)
def test_limits_mean_what_the_standard_says(
    operator: str, operand: Any, unit: Any, accepted: set[int]
) -> None:
    assert {count for count in range(5) if Limit(operator, operand, unit).holds(count, 4)} == accepted


def test_an_empty_table_has_zero_percent_broken() -> None:
    assert Limit("mustBeLessThan", 5, "percent").holds(0, 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda c: column(c, "text").update(logicalType="strng"),
            "schema[silver].properties[text].logicalType: unknown type 'strng'; known: string, integer, "
            "number, boolean, date, timestamp",
        ),
        (
            lambda c: column(c, "text").update(physicalType="varchar"),
            "schema[silver].properties[text].physicalType: unknown type 'varchar'; known: string, binary,",
        ),
        (
            lambda c: column(c, "text").update(logicalType="array"),
            "unknown type 'array'; known: string, integer,",
        ),
        (
            lambda c: column(c, "text").pop("logicalType"),
            "schema[silver].properties[text]: no type; write logicalType",
        ),
        (
            lambda c: column(c, "text").update(requierd=True),
            "[text].requierd: no such field; did you mean 'required'?",
        ),
        (lambda c: c.update(owner="me"), "owner: no such field"),
        (
            lambda c: column(c, "text").update(logicalTypeOptions={"minimum": 1}),
            "[text].logicalTypeOptions.minimum: no such field; here can stand format, maxLength, minLength,",
        ),
        (
            lambda c: column(c, "text").update(logicalTypeOptions={"pattern": "(?=a)b"}),
            "schema[silver].properties[text]: the pattern '(?=a)b' cannot be used: ",
        ),
        (
            lambda c: column(c, "age").update(logicalTypeOptions={"multipleOf": 2}),
            "multipleOf is not checked; take it out",
        ),
        (
            lambda c: column(c, "age").update(logicalTypeOptions={"minimum": float("nan")}),
            "a number cannot be kept exactly",
        ),
        (
            lambda c: silver(c).update(quality=[{"metric": "rowcount", "mustBe": 1, "type": "library"}]),
            "schema[silver].quality[0].metric: 'rowcount' is not one of ['nullValues'",
        ),
        (
            lambda c: silver(c).update(quality=[{"metric": "rowCount", "mustBe": 1, "mustNotBe": 2}]),
            "schema[silver].quality[0]: say once what the number must be",
        ),
        (
            lambda c: silver(c).update(quality=[{"metric": "rowCount", "mustBe": 1, "severity": "grave"}]),
            "unknown severity 'grave'; known: critical, error, warning, info",
        ),
        (
            lambda c: silver(c).update(quality=[{"type": "sql", "query": "SELECT 1", "mustBe": 1}]),
            "type 'sql' is not run; use library, or custom",
        ),
        (
            lambda c: silver(c).update(
                quality=[
                    {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["text", "nope"]}}
                ]
            ),
            "names 'nope', which is no property here",
        ),
        (
            lambda c: column(c, "text").update(quality=[{"metric": "rowCount", "mustBe": 1}]),
            "metric rowCount belongs to the table; move it there",
        ),
        (
            lambda c: column(c, "age").update(
                quality=[{"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["1"]}}]
            ),
            "valid values: '1' cannot stand in a column of type long",
        ),
        (
            lambda c: column(c, "text").update(
                quality=[{"type": "custom", "engine": "soda", "implementation": "x"}]
            ),
            "unknown engine 'soda'; known: greatExpectations",
        ),
        (
            lambda c: column(c, "text").update(
                quality=[custom("expect_column_values_to_be_unique", row_condition="java_method()")]
            ),
            "row_condition runs arbitrary code in Spark and is not allowed",
        ),
        (
            lambda c: column(c, "text").update(quality=[custom("expect_query_results_to_match_comparison")]),
            "expect_query_results_to_match_comparison is not allowed",
        ),
        (
            lambda c: column(c, "text").update(
                quality=[custom("expect_column_values_to_match_regex", regex="(a+)+b")]
            ),
            "keep busy for ever: write it as logicalTypeOptions: {pattern: …}",
        ),
        (lambda c: c["schema"].pop(), "schema: no gold; describe both silver and gold"),
        (lambda c: c["schema"].append(silver(c)), "schema: silver is described twice; keep one"),
        (lambda c: c.update(apiVersion="v2.2.2"), "apiVersion: v2.2.2 is not read"),
        (
            lambda c: silver(c)["properties"].append({"name": "TEXT", "logicalType": "string"}),
            "schema[silver].properties[TEXT]: stands twice in this table",
        ),
        (
            lambda c: silver(c)["properties"].append({"name": "batch", "logicalType": "string"}),
            "the road adds object, line, etag, batch, split itself; choose another name",
        ),
        (
            lambda c: silver(c)["properties"].append({"name": "a`; --", "logicalType": "string"}),
            "a column's name is letters, digits and _",
        ),
        (lambda c: column(c, "sample_id").update(logicalType="integer"), "sample_id is a string"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, change: Change, told: str) -> None:
    message = complaint(tmp_path, change)
    assert all(line.startswith("schemas/pets/contract.yaml: ") for line in message.splitlines())
    assert told in message


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        column(contract, "text").update(logicalType="strng")
        column(contract, "age").update(requierd=True)
        contract["owner"] = "me"

    assert len(complaint(tmp_path, change).splitlines()) == 3


def test_two_datasets_cannot_have_one_name(tmp_path: Path) -> None:
    write(tmp_path)
    copy = tmp_path / "pets_copy"
    copy.mkdir()
    (copy / "contract.yaml").write_bytes((tmp_path / "pets" / "contract.yaml").read_bytes())
    with pytest.raises(ContractError) as error:
        load_contract(tmp_path, "pets_copy")
    assert "name: 'pets' is the dataset of schemas/pets, and two cannot share a name" in str(error.value)
    assert "write name: pets_copy, or rename the folder" in str(error.value)
    assert load_contract(tmp_path, "pets").dataset == "pets"


def test_the_digest_is_of_what_is_said_not_of_how_it_is_written(tmp_path: Path) -> None:
    before = load_contract(write(tmp_path), "pets")
    path = tmp_path / "pets" / "contract.yaml"
    path.write_text("# a remark\n" + path.read_text())
    assert load_contract(tmp_path, "pets").digest == before.digest
    after = load_contract(write(tmp_path, lambda c: column(c, "age").update(required=True)), "pets")
    assert after.digest != before.digest
    assert after.table("silver").suite_digest != before.table("silver").suite_digest
    assert after.table("gold").suite_digest == before.table("gold").suite_digest


SUBJECT = [{"property": "dataSubject", "value": True}]


def test_the_contract_names_the_column_that_names_who_gave_a_record(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        column(contract, "text")["customProperties"] = [{"property": "unit", "value": "words"}, *SUBJECT]

    assert load_contract(write(tmp_path), "pets").subject is None
    assert load_contract(write(tmp_path, change), "pets").subject == "text"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda c: column(c, "text").update(customProperties=[{**SUBJECT[0], "value": "yes"}]),
            "schema[silver].properties[text].customProperties: dataSubject is 'yes'; write value: true",
        ),
        (
            lambda c: column(c, "age").update(customProperties=SUBJECT),
            "schema[silver].properties[age].customProperties: dataSubject needs a string, not long; mark one",
        ),
        (
            lambda c: column(c, "source").update(customProperties=SUBJECT),
            "properties[source].customProperties: the road makes source itself, it names nobody; mark",
        ),
        (
            lambda c: column(c, "text", 1).update(customProperties=SUBJECT),
            "schema[gold].properties[text].customProperties: dataSubject belongs to a property of silver",
        ),
        (
            lambda c: silver(c).update(customProperties=SUBJECT),
            "schema[silver].customProperties: dataSubject belongs to a property of silver; move it there",
        ),
        (
            lambda c: c.update(customProperties=SUBJECT),
            "contract.customProperties: dataSubject belongs to a property of silver; move it there",
        ),
        (
            lambda c: silver(c)["properties"].extend(
                {"name": name, "logicalType": "string", "customProperties": SUBJECT} for name in ("by", "of")
            ),
            "schema[silver]: by and of are each dataSubject; mark one of them",
        ),
    ],
)
def test_a_data_subject_that_cannot_be_is_named_with_the_way_out(
    tmp_path: Path, change: Change, told: str
) -> None:
    message = complaint(tmp_path, change)
    assert len(message.splitlines()) == 1
    assert told in message


def test_only_the_tables_of_a_contract_can_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="describes silver and gold, not 'bronze'"):
        load_contract(write(tmp_path), "pets").table("bronze")
