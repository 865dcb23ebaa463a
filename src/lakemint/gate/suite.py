"""Compiles a contract's rules into expectations of Great Expectations."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from great_expectations.exceptions.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_expectation_impl

from lakemint.dataset.contract import Table
from lakemint.dataset.quality import Rule
from lakemint.errors import ContractError

RULE: Final = "rule"
"""Key in an expectation's `meta`: the name of the rule it was compiled from."""

Arguments = Mapping[str, Any]


def compile_rules(table: Table) -> dict[str, Expectation]:
    """An expectation for each rule, by the rule's name.

    Raises ContractError for a custom rule that is unknown, or whose arguments are refused.
    """
    return {rule.name: _expectation(rule, table) for rule in table.rules}


def _expectation(rule: Rule, table: Table) -> Expectation:
    if rule.kind == "custom":
        name, arguments = rule.arguments["type"], rule.arguments["kwargs"]
    else:
        column = table.column(rule.column) if rule.column else None
        given = {key: _typed(value, column.type if column else None) for key, value in rule.arguments.items()}
        name, make = _EXPECTATIONS["unique_together" if "columns" in given else rule.kind]
        arguments = {**make(given), **({"column": rule.measured} if rule.measured else {})}
    where = f"contract, {table.name}: quality rule {rule.name!r}"
    try:
        return get_expectation_impl(name)(**arguments, meta={RULE: rule.name})
    except ExpectationNotFoundError as error:
        raise ContractError(f"{where}: Great Expectations knows no {name}; mend its name") from error
    except (TypeError, ValueError) as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
        raise ContractError(f"{where}: {name} refuses its kwargs: {reason}") from error


def _typed(value: Any, kind: str | None) -> Any:
    """Dates are text in a contract; Great Expectations wants them as dates."""
    if isinstance(value, list):
        return [_typed(item, kind) for item in value]
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if kind == "timestamp" and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # as refine reads it
    return value


def _bounds(arguments: Arguments) -> dict[str, Any]:
    strict = bool(arguments.get("strict"))
    return {
        "min_value": arguments.get("min"),
        "max_value": arguments.get("max"),
        "strict_min": strict,
        "strict_max": strict,
    }


_EXPECTATIONS: Final[dict[str, tuple[str, Callable[[Arguments], Arguments]]]] = {
    "not_null": ("expect_column_values_to_not_be_null", lambda _: {}),
    "unique": ("expect_column_values_to_be_unique", lambda _: {}),
    "unique_together": (
        "expect_compound_columns_to_be_unique",
        lambda given: {"column_list": given["columns"], "ignore_row_if": "any_value_is_missing"},
    ),
    "in_set": ("expect_column_values_to_be_in_set", lambda given: {"value_set": given["values"]}),
    "not_in_set": ("expect_column_values_to_not_be_in_set", lambda given: {"value_set": given["values"]}),
    "matches": ("expect_column_values_to_be_in_set", lambda _: {"value_set": [True]}),
    "length": ("expect_column_value_lengths_to_be_between", _bounds),
    "between": ("expect_column_values_to_be_between", _bounds),
    "row_count": ("expect_table_row_count_to_be_between", lambda _: {"min_value": 0}),
}
"""Kind of rule → the expectation that measures it, and its arguments. If it is enough, the limit says."""
