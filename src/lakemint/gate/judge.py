"""Runs a suite on one Delta version of a table, and says what came of it.

Great Expectations measures how many rows break a rule; the rule's limit decides, and our query names rows.
Nothing is cached in Spark: its server is shared, and a killed gate would leave the table in memory.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from lakemint.dataset.contract import Table
from lakemint.dataset.quality import Rule
from lakemint.errors import LakemintError
from lakemint.gate.suite import RULE, compile_rules
from lakemint.gate.transforms import broken_rows, with_matches
from lakemint.names import SAMPLE_ID, TableVersion
from lakemint.verdicts import MAX_ROWS, Verdict, told, verdict_of

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame

MOST_NAMED_BY_GX: Final = 1000
"""Broken rows up to which a custom rule's are asked of Great Expectations, which fetches all of them."""
_SPARK_TYPES: Final = {"long": "bigint"}

Check = dict[str, Any]
Measures = dict[str, dict[str, Any]]


def judge(frame: "DataFrame", table: Table, dataset: str, at: TableVersion) -> Verdict:
    """The verdict on `frame`, which is the dataset's `table` at that state.

    A column that is missing or of another type fails the rules about it. Raises ContractError for a rule that
    does not compile, and LakemintError when a check could not be run: that says nothing about the data, so
    there is no verdict then, and nothing passes.
    """
    wrong = _wrong_columns(frame, table)
    able = [rule for rule in table.rules if not wrong.keys() & _columns(rule)]
    expectations = compile_rules(table)
    frame = with_matches(frame, able)
    measures = _measure(frame, {rule.name: expectations[rule.name] for rule in able})
    _require_run(measures, f"{table.name}/{dataset} version {at.version}")
    checks = [_columns_check(wrong)]
    for rule in table.rules:
        if rule in able:
            rows = _rows(frame, table, rule, measures[rule.name], expectations[rule.name])
            checks.append(_measured_check(rule, measures[rule.name], rows))
        else:
            checks.append(_check(rule, False, _told(wrong, _columns(rule)), 0, []))
    return verdict_of(dataset, table.name, at, table.suite_digest, checks)


def _wrong_columns(frame: "DataFrame", table: Table) -> dict[str, str]:
    """Columns that are not as the contract says, and what is wrong with each."""
    there, promised = dict(frame.dtypes), table.stored
    wrong = {name: "missing" for name in promised if name not in there}
    wrong |= {name: "not in the contract" for name in there if name not in promised}
    for name in promised.keys() & there.keys():
        expected = _SPARK_TYPES.get(promised[name], promised[name])
        if there[name] != expected:
            wrong[name] = f"{there[name]}, not {expected}"
    return wrong


def _columns(rule: Rule) -> set[str]:
    """The columns a rule is about, as far as we can tell."""
    return {rule.column, *rule.arguments.get("columns", ())} - {None}


def _told(wrong: Mapping[str, str], names: Iterable[str]) -> str:
    return "; ".join(f"column {name}: {wrong[name]}" for name in sorted(names) if name in wrong)


def _columns_check(wrong: Mapping[str, str]) -> Check:
    rule = Rule("the columns are those of the contract", "custom", None)
    return _check(rule, not wrong, _told(wrong, wrong), 0, [])


def _measure(
    frame: "DataFrame", expectations: "Mapping[str, Expectation]", detail: str = "BASIC"
) -> Measures:
    """What Great Expectations found, by the rule's name."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.analytics_enabled = False
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_spark(name="table", persist=False)
    batch = source.add_dataframe_asset(name="table").add_batch_definition_whole_dataframe("version")
    found = batch.get_batch({"dataframe": frame}).validate(
        gx.ExpectationSuite(name="contract", expectations=list(expectations.values())),
        result_format={
            "result_format": detail,
            "partial_unexpected_count": 0,
            "unexpected_index_column_names": [SAMPLE_ID],
        },
    )
    results: list[dict[str, Any]] = [dict(result.to_json_dict()) for result in found.results]
    return {result["expectation_config"]["meta"][RULE]: result for result in results}


def _require_run(measures: Measures, subject: str) -> None:
    """Raises LakemintError, with the reasons, when a check did not run."""
    failed = {name: _reason(measure) for name, measure in measures.items() if _reason(measure)}
    if failed:
        raise LakemintError(
            f"{subject} could not be judged, and nothing passes unjudged; `lakemint doctor` tells what is "
            "down, then run again\n" + "\n".join(f"  {name}: {reason}" for name, reason in failed.items())
        )


def _reason(measure: Mapping[str, Any]) -> str:
    """Why a check did not run, in a line; empty when it did."""
    info = measure["exception_info"]
    details = [info] if "raised_exception" in info else list(info.values())
    messages = [str(part["exception_message"]) for part in details if part.get("raised_exception")]
    return " ".join(messages[0].split())[:300] if messages else ""


def _measured_check(rule: Rule, measure: Mapping[str, Any], rows: list[str]) -> Check:
    result = measure["result"]
    broken = result.get("unexpected_count", 0)
    if rule.kind == "custom":
        observed = broken if "unexpected_count" in result else result.get("observed_value")
        return _check(rule, bool(measure["success"]), told(observed), broken, rows)
    if rule.kind == "row_count":
        count = result["observed_value"]
        return _check(rule, rule.limit.holds(count, count), count, 0, [])
    return _check(rule, rule.limit.holds(broken, result["element_count"]), broken, broken, rows)


def _rows(
    frame: "DataFrame", table: Table, rule: Rule, measure: Mapping[str, Any], expectation: "Expectation"
) -> list[str]:
    """Sample ids of rows that break a rule, smallest first."""
    broken = measure["result"].get("unexpected_count", 0)
    if not broken:
        return []
    if rule.kind == "custom":
        return _rows_by_gx(frame, expectation, rule.name) if broken <= MOST_NAMED_BY_GX else []
    column = table.column(rule.column) if rule.column else None
    rows = broken_rows(frame, rule, column.type if column else None, MAX_ROWS)
    return [row[SAMPLE_ID] for row in rows.collect()] if rows is not None else []


def _rows_by_gx(frame: "DataFrame", expectation: "Expectation", name: str) -> list[str]:
    found = _measure(frame, {name: expectation}, "COMPLETE")[name]["result"]
    ids = {row.get(SAMPLE_ID) for row in found.get("unexpected_index_list") or ()}
    return sorted(str(sample) for sample in ids - {None})[:MAX_ROWS]


def _check(rule: Rule, passed: bool, observed: Any, broken: int, rows: list[str]) -> Check:
    return {
        "name": rule.name,
        "column": rule.column,
        "severity": rule.severity,
        "passed": passed,
        "observed": observed,
        "broken": broken,
        "rows": rows,
    }
