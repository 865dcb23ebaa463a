"""Gates on the real Spark: rules on rows that keep them and rows that break them."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakemint.dataset.contract import Contract, load_contract
from lakemint.errors import ContractError, LakemintError
from lakemint.names import TableVersion
from lakemint.verdicts import Verdict
from tests.unit.contracts import Change, silver, write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PROVENANCE = {"object": "string", "line": "bigint", "etag": "string", "batch": "bigint"}
SPARK = {"string": "string", "integer": "bigint", "number": "double", "date": "date", "boolean": "boolean"}


def sample(number: int) -> str:
    return f"{number:032x}"


def contract_of(tmp_path: Path, columns: dict[str, dict[str, Any]], change: Change | None = None) -> Contract:
    """The contract `pets` with these properties in silver, after `change`."""

    def described(contract: dict[str, Any]) -> None:
        silver(contract)["properties"] = [
            {"name": "sample_id", "logicalType": "string"},
            *({"name": name, "logicalType": "string", **said} for name, said in columns.items()),
        ]
        if change:
            change(contract)

    return load_contract(write(tmp_path / "schemas", described), "pets")


def table_of(spark: "SparkSession", columns: dict[str, str], *values: dict[str, Any]) -> "DataFrame":
    """A row for each mapping, numbered by its sample id from 1; what is not named is null."""
    types = {"sample_id": "string", **columns, **PROVENANCE}
    rows = [{"sample_id": sample(number), **value} for number, value in enumerate(values, start=1)]
    schema = ", ".join(f"{name} {kind}" for name, kind in types.items())
    return spark.createDataFrame([tuple(row.get(name) for name in types) for row in rows], schema)


def texts(spark: "SparkSession", *values: str | None) -> "DataFrame":
    return table_of(spark, {"text": "string"}, *({"text": value} for value in values))


def judged(frame: "DataFrame", contract: Contract) -> Verdict:
    from lakemint.gate.judge import judge  # Great Expectations takes seconds to import, in each worker

    return judge(frame, contract.table("silver"), "pets", TableVersion(0, "c0"))


def check_of(verdict: Verdict, column: str | None, name: str = "") -> dict[str, Any]:
    """The one check of that column whose name holds `name`."""
    (found,) = [one for one in verdict["checks"] if one["column"] == column and name in one["name"]]
    return dict(found)


def metric(name: str, **more: Any) -> dict[str, Any]:
    return {"quality": [{"metric": name, "mustBe": 0, **more}]}


def valid(*values: Any) -> dict[str, Any]:
    return metric("invalidValues", arguments={"validValues": [*values]})


def custom(name: str, **arguments: Any) -> dict[str, Any]:
    implementation = {"type": name, "kwargs": arguments}
    return {"quality": [{"type": "custom", "engine": "greatExpectations", "implementation": implementation}]}


def limits(**values: Any) -> dict[str, Any]:
    return {"logicalTypeOptions": values}


DAY = date(2026, 1, 31)
RULES: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    # column: what the contract says of it, values that keep it, values that break it
    "required": ({"required": True}, ["", "x", "y"], [None]),
    "distinct": ({"unique": True}, ["a", None, None], ["c", "c", "d", "d"]),
    "short": (limits(minLength=2, maxLength=3), ["ab", "日本語", None], ["a", "abcd", ""]),
    "plain": (limits(pattern="^[a-z ]+$"), ["a cat", None, "b"], ["A cat", "", "cat\n9"]),
    "age": (
        {"logicalType": "integer", **limits(minimum=0, maximum=30)},
        [0, 30, None],
        [-1, 31],
    ),
    "weight": (
        {"logicalType": "number", **limits(exclusiveMinimum=0, exclusiveMaximum=9.5)},
        [0.1, 9.4, None],
        [0.0, 9.5, -1.0],
    ),
    "seen": (
        {"logicalType": "date", **limits(minimum="2026-01-01", maximum="2026-01-31")},
        [date(2026, 1, 1), DAY, None],
        [date(2025, 12, 31), date(2026, 2, 1)],
    ),
    "kind": (valid("cat", "dog"), ["cat", "dog", None], ["Cat", "", "bird"]),
    "paws": ({"logicalType": "integer", **valid(3, 4)}, [3, 4, None], [5, -4]),
    "tame": ({"logicalType": "boolean", **valid(True)}, [True, True, None], [False]),
    "born": ({"logicalType": "date", **valid("2026-01-31")}, [DAY, DAY, None], [date(2026, 1, 30)]),
    "sort": ({"enum": [{"value": "a"}, {"value": "b"}]}, ["a", "b", None], ["c"]),
    "known": (metric("nullValues"), ["x", "y", ""], [None, None]),
    "said": (
        metric("missingValues", arguments={"missingValues": ["", "n/a"]}),
        ["x", None, "N/A"],
        ["", "n/a"],
    ),
    "once": ({"logicalType": "integer", **metric("duplicateValues")}, [1, 2, None], [7, 7, 7]),
    "wordy": (
        custom("expect_column_values_to_not_be_in_set", value_set=["x1", "2"]),
        ["x", None, "y"],
        ["x1", "2"],
    ),
    "backtracking": (limits(pattern="^(a|aa)+$"), ["a" * 200, None, "aa"], ["a" * 200 + "b"]),
}


def test_every_rule_passes_good_rows_and_names_bad_ones(spark: "SparkSession", tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {name: said for name, (said, _, _) in RULES.items()})
    types = {name: SPARK[said.get("logicalType", "string")] for name, (said, _, _) in RULES.items()}
    good = [{name: keeping[at] for name, (_, keeping, _) in RULES.items()} for at in range(3)]
    kept = judged(table_of(spark, types, *good), contract)
    assert [one for one in kept["checks"] if not one["passed"]] == []
    assert len(kept["checks"]) == 1 + len(RULES)

    # Rows 4 to 7 break what they can; where nothing is left to break, they hold what is fine anywhere.
    fine = {"required": "z", "known": "z"}
    bad = [
        {
            name: (breaking[at] if at < len(breaking) else fine.get(name))
            for name, (_, _, breaking) in RULES.items()
        }
        for at in range(4)
    ]
    verdict = judged(table_of(spark, types, *good, *bad), contract)
    assert verdict["passed"] is False
    for name, (_, _, breaking) in RULES.items():
        check = check_of(verdict, name)
        assert (name, check["passed"], check["broken"]) == (name, False, len(breaking))
        assert (name, check["rows"]) == (name, [sample(4 + at) for at in range(len(breaking))])


def test_rules_of_the_whole_table(spark: "SparkSession", tmp_path: Path) -> None:
    rules = [
        {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["text", "age"]}},
        {"metric": "rowCount", "mustBeBetween": [1, 6]},
    ]
    columns = {"text": {}, "age": {"logicalType": "integer"}}
    contract = contract_of(tmp_path, columns, lambda c: silver(c).update(quality=rules))
    pairs = [("a", 1), ("a", 2), ("b", 1), (None, 1), (None, 1), ("c", 5), ("c", 5)]
    values = [{"text": text, "age": age} for text, age in pairs]
    types = {"text": "string", "age": "bigint"}
    verdict = judged(table_of(spark, types, *values), contract)
    together = check_of(verdict, None, "unique together")
    assert (together["broken"], together["rows"]) == (2, [sample(6), sample(7)])
    assert check_of(verdict, None, "row count") == {
        "name": "row count must be between 1 and 6",
        "column": None,
        "severity": "critical",
        "passed": False,
        "observed": 7,
        "broken": 0,
        "rows": [],
    }
    assert judged(table_of(spark, types, *values[:6]), contract)["passed"] is True
    assert judged(table_of(spark, types), contract)["passed"] is False, "an empty table has too few rows"


@pytest.mark.parametrize(("nulls", "passed"), [(1, True), (2, False)])
def test_a_share_of_broken_rows_can_be_accepted_and_a_warning_stops_nothing(
    spark: "SparkSession", tmp_path: Path, nulls: int, passed: bool
) -> None:
    rule = {"metric": "nullValues", "mustBeLessOrEqualTo": 25, "unit": "percent", "severity": "warning"}
    contract = contract_of(tmp_path, {"text": {"quality": [rule]}})
    verdict = judged(texts(spark, *[None] * nulls, *["x"] * (4 - nulls)), contract)
    assert check_of(verdict, "text")["passed"] is passed
    assert verdict["passed"] is True


def test_at_most_twenty_rows_are_named_the_same_ones_always(spark: "SparkSession", tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {"text": {"required": True}})
    frame = texts(spark, *[None] * 30)
    one, many = (judged(frame.repartition(parts), contract) for parts in (1, 7))
    assert one == many
    check = check_of(one, "text")
    assert (check["broken"], check["rows"]) == (30, [sample(number) for number in range(1, 21)])


def test_columns_must_be_those_of_the_contract(spark: "SparkSession", tmp_path: Path) -> None:
    columns = {"text": {}, "age": {"logicalType": "integer", **limits(minimum=0)}}
    contract = contract_of(tmp_path, columns)
    frame = texts(spark, "x").withColumnRenamed("etag", "tag")
    frame = frame.withColumn("line", frame["line"].cast("string"))
    verdict = judged(frame, contract)
    assert check_of(verdict, None, "the columns are those of the contract")["observed"] == (
        "column age: missing; column etag: missing; column line: string, not bigint; "
        "column tag: not in the contract"
    )
    assert check_of(verdict, "age")["observed"] == "column age: missing"
    assert verdict["passed"] is False


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (custom("expect_column_miracles"), "Great Expectations knows no expect_column_miracles"),
        (custom("expect_column_values_to_be_in_set", values=["x"]), "refuses its kwargs"),
    ],
)
def test_a_custom_rule_that_does_not_compile_is_named(
    spark: "SparkSession", tmp_path: Path, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(ContractError, match=told):
        judged(texts(spark, "x"), contract_of(tmp_path, {"text": said}))


def test_what_could_not_be_checked_is_no_verdict(spark: "SparkSession", tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {"text": custom("expect_column_mean_to_be_between", min_value=1)})
    with pytest.raises(LakemintError, match=r"silver/pets version 0 could not be judged, and nothing passes"):
        judged(texts(spark, "x"), contract)


def test_a_verdict_quotes_nothing_of_the_data(spark: "SparkSession", tmp_path: Path) -> None:
    """Versions are bound to it, so an erasure cannot change it."""
    columns = {
        "who": custom("expect_column_distinct_values_to_be_in_set", value_set=["bob"]),
        "text": custom("expect_column_most_common_value_to_be_in_set", value_set=["x"]),
        "age": {"logicalType": "integer", **custom("expect_column_max_to_be_between", max_value=9)},
    }
    types = {"who": "string", "text": "string", "age": "bigint"}
    row = {"who": "zoe q7", "text": "says zoe", "age": 40}
    verdict = judged(table_of(spark, types, row, {**row, "who": "bob"}), contract_of(tmp_path, columns))
    assert "zoe" not in json.dumps(verdict)
    found = {name: check_of(verdict, name)["observed"] for name in columns}
    assert found == {"who": 1, "text": "1 value", "age": 40}
    assert verdict["passed"] is False
