"""Reads the quality rules of an Open Data Contract, in all the ways it has to say them."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from lakemint.dataset.document import DocumentError, parse
from lakemint.dataset.pattern import pattern_problem
from lakemint.dataset.quality import NONE_BROKEN, OPERATORS, Column, Limit, Rule, Severity

SEVERITIES: Final[dict[str, Severity]] = {
    "critical": "critical",
    "error": "critical",
    "warning": "warning",
    "info": "warning",
}
METRICS: Final = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
ENGINES: Final = ("greatExpectations", "great-expectations")

_VALUES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "long": (int,),
    "double": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "timestamp": (str,),
}


class RuleError(ValueError):
    """What is wrong with a rule, in words with the way out; the contract adds where."""


_MEASURES = re.compile(r"expect_(column|multicolumn|compound|table)_")
"""Expectations about the batch at hand. Others take a query, and Spark would run it on any table."""


def implied_rules(of: Column, prop: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules that a property's own fields make, all critical. Raises RuleError."""
    column, kind = of.name, of.type
    if of.required:
        yield Rule(f"{column} is never null", "not_null", column)
    if of.unique:
        yield Rule(f"{column} is unique", "unique", column)
    if "enum" in prop:
        yield _in_set(column, kind, [item.get("value") for item in prop["enum"]], {})
    options = prop.get("logicalTypeOptions", {})
    if "multipleOf" in options:
        raise RuleError("logicalTypeOptions.multipleOf is not checked; take it out, or use a custom rule")
    if "pattern" in options:
        yield _matches(column, kind, options["pattern"], {})
    if "minLength" in options or "maxLength" in options:
        low, high = options.get("minLength"), options.get("maxLength")
        yield Rule(
            f"{column} has between {_range(low, high)} characters",
            "length",
            column,
            _given(min=low, max=high),
        )
    yield from _between(column, kind, options)


def _between(column: str, kind: str, options: Mapping[str, Any]) -> Iterator[Rule]:
    for low, high, strict in (
        ("minimum", "maximum", False),
        ("exclusiveMinimum", "exclusiveMaximum", True),
    ):
        bounds = _given(min=options.get(low), max=options.get(high))
        if bounds:
            _check_values(list(bounds.values()), kind, f"{low}, {high}")
            words = "strictly between" if strict else "between"
            text = f"{column} is {words} {_range(options.get(low), options.get(high))}"
            yield Rule(text, "between", column, {**bounds, "strict": strict})


def quality_rules(quality: Mapping[str, Any], column: str | None, kind: str | None) -> Iterator[Rule]:
    """The rules one entry of `quality` makes, for a column of type `kind` or (None, None) for the table.

    `type: text` is for people and makes none. Raises RuleError.
    """
    sort = quality.get("type", "library")
    if sort == "text":
        return
    if sort not in ("library", "custom"):
        raise RuleError(f"type {sort!r} is not run; use library, or custom with engine greatExpectations")
    rest = {"severity": _severity(quality)}
    rules = _library(quality, column, kind, rest) if sort == "library" else [_custom(quality, column, rest)]
    name = quality.get("name")
    for number, rule in enumerate(rules):
        called = rule.name if name is None else name if number == 0 else f"{name} ({rule.name})"
        yield Rule(called, rule.kind, rule.column, rule.arguments, rule.limit, rule.severity)


def _library(
    quality: Mapping[str, Any], column: str | None, kind: str | None, rest: dict[str, Any]
) -> list[Rule]:
    metric, arguments = quality.get("metric"), quality.get("arguments", {})
    rest["limit"] = limit = _limit(quality)
    if metric == "rowCount" and column is None:
        return [Rule(f"row count {str(limit).removesuffix(' rows')}", "row_count", None, **rest)]
    if metric == "duplicateValues" and column is None:
        return [_unique_together(arguments, rest)]
    if metric not in METRICS:
        raise RuleError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
    if column is None or kind is None or metric == "rowCount":
        raise RuleError(
            f"metric {metric} belongs to {'the table' if column else 'a property'}; move it there"
        )
    if metric == "nullValues":
        return [Rule(_counted(f"{column} is never null", limit), "not_null", column, **rest)]
    if metric == "duplicateValues":
        return [Rule(_counted(f"{column} is unique", limit), "unique", column, **rest)]
    rules = (
        _missing(column, kind, arguments, rest)
        if metric == "missingValues"
        else _invalid(column, kind, arguments, rest)
    )
    if len(rules) > 1 and limit != NONE_BROKEN:
        raise RuleError(f"metric {metric} with two conditions needs mustBe: 0; write one rule for each")
    return rules


def _missing(column: str, kind: str, arguments: Mapping[str, Any], rest: dict[str, Any]) -> list[Rule]:
    values = arguments.get("missingValues", [None])
    if not isinstance(values, list) or not values:
        raise RuleError("metric missingValues needs arguments: {missingValues: [null, '', …]}")
    rules = []
    if None in values:
        rules.append(Rule(_counted(f"{column} is never null", rest["limit"]), "not_null", column, **rest))
    named = [value for value in values if value is not None]
    if named:
        _check_values(named, kind, "missingValues")
        text = _counted(f"{column} is none of {_listed(named)}", rest["limit"])
        rules.append(Rule(text, "not_in_set", column, {"values": named}, **rest))
    return rules


def _invalid(column: str, kind: str, arguments: Mapping[str, Any], rest: dict[str, Any]) -> list[Rule]:
    rules = []
    if "validValues" in arguments:
        rules.append(_in_set(column, kind, arguments["validValues"], rest))
    if "pattern" in arguments:
        rules.append(_matches(column, kind, arguments["pattern"], rest))
    if not rules:
        raise RuleError("metric invalidValues needs arguments: {validValues: […]} or {pattern: …}")
    return rules


def _in_set(column: str, kind: str, values: Any, rest: dict[str, Any]) -> Rule:
    if not isinstance(values, list) or not values:
        raise RuleError("the valid values must be a list with at least one value")
    _check_values(values, kind, "valid values")
    text = _counted(f"{column} is one of {_listed(values)}", rest.get("limit", NONE_BROKEN))
    return Rule(text, "in_set", column, {"values": values}, **rest)


def _matches(column: str, kind: str, pattern: Any, rest: dict[str, Any]) -> Rule:
    if kind != "string" or not isinstance(pattern, str):
        raise RuleError(f"a pattern needs text and a column of text; {column} is {kind}")
    if problem := pattern_problem(pattern):
        raise RuleError(problem)
    text = _counted(f"{column} matches {pattern}", rest.get("limit", NONE_BROKEN))
    return Rule(text, "matches", column, {"pattern": pattern}, **rest)


def _unique_together(arguments: Mapping[str, Any], rest: dict[str, Any]) -> Rule:
    columns = arguments.get("properties")
    if (
        not isinstance(columns, list)
        or len(columns) < 2
        or not all(isinstance(name, str) for name in columns)
    ):
        raise RuleError("metric duplicateValues of a table needs arguments: {properties: [two, or_more]}")
    text = _counted(f"{' and '.join(columns)} are unique together", rest["limit"])
    return Rule(text, "unique", None, {"columns": columns}, **rest)


def _custom(quality: Mapping[str, Any], column: str | None, rest: dict[str, Any]) -> Rule:
    """An expectation by its name in Great Expectations, `expect_…`, and its arguments."""
    if quality.get("engine") not in ENGINES:
        raise RuleError(f"unknown engine {quality.get('engine')!r}; known: {', '.join(ENGINES)}")
    what = quality.get("implementation")
    if isinstance(what, str):
        try:
            what = parse(what)
        except DocumentError as error:
            raise RuleError(f"implementation: {error}") from error
    name = what.get("type") if isinstance(what, dict) else None
    arguments = what.get("kwargs", {}) if isinstance(what, dict) else None
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"expect_[a-z_]{1,80}", name)
        or not isinstance(arguments, dict)
    ):
        raise RuleError("implementation must be {type: expect_…, kwargs: {…}}")
    _require_harmless(name, arguments)
    own = {} if column is None or "column" in arguments else {"column": column}
    text = f"{name}({', '.join(f'{key}={value!r}' for key, value in sorted(arguments.items()))})"
    text = f"{column}: {text}" if column else text
    return Rule(text, "custom", column, {"type": name, "kwargs": {**own, **arguments}}, **rest)


def _require_harmless(name: str, arguments: Mapping[str, Any]) -> None:
    """Raises RuleError for an expectation that could do more than measure the table, or without end."""
    if not _MEASURES.match(name):
        raise RuleError(f"{name} is not allowed: only rules about columns and tables are, expect_column_…")
    for key, value in arguments.items():
        if "condition" in key or "query" in key or "sql" in key:
            raise RuleError(f"{key} runs arbitrary code in Spark and is not allowed")
        if "regex" in key and value is not None:
            raise RuleError(
                f"{name} matches with an engine that a text can keep busy for ever: write it as "
                "logicalTypeOptions: {pattern: …}, or as metric invalidValues with arguments: {pattern: …}"
            )


def _severity(quality: Mapping[str, Any]) -> Severity:
    named = str(quality.get("severity", "critical")).lower()
    if named not in SEVERITIES:
        raise RuleError(f"unknown severity {named!r}; known: {', '.join(SEVERITIES)}")
    return SEVERITIES[named]


def _limit(quality: Mapping[str, Any]) -> Limit:
    unit = quality.get("unit", "rows")
    if unit not in ("rows", "percent"):
        raise RuleError(f"unknown unit {unit!r}; known: rows, percent")
    named = [name for name in OPERATORS if quality.get(name) is not None]
    if len(named) != 1:
        raise RuleError(f"say once what the number must be, by one of {', '.join(OPERATORS)}")
    operand = quality[named[0]]
    numbers = operand if named[0].endswith("Between") and isinstance(operand, list) else [operand]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers):
        raise RuleError(f"{named[0]} must be a number, not {operand!r}")
    return Limit(named[0], tuple(numbers) if isinstance(operand, list) else operand, unit)


def _check_values(values: list[Any], kind: str, what: str) -> None:
    """Every value is one a column of this type can hold."""
    for value in values:
        fits = isinstance(value, _VALUES.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))
        if not fits:
            raise RuleError(f"{what}: {value!r} cannot stand in a column of type {kind}{_quoted(kind)}")
        try:
            if kind == "date":
                date.fromisoformat(value)
            elif kind == "timestamp":
                datetime.fromisoformat(value)
        except ValueError as error:
            raise RuleError(f"{what}: {value!r} is no {kind}; write it like 2026-01-31") from error


def _quoted(kind: str) -> str:
    return "; quote it" if kind == "string" else ""


def _counted(text: str, limit: Limit) -> str:
    return text if limit == NONE_BROKEN else f"{text} (broken {limit})"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _range(low: Any, high: Any) -> str:
    return f"{'anything' if low is None else low} and {'anything' if high is None else high}"


def _listed(values: list[Any]) -> str:
    plain = (str(value) if str(value).strip() else repr(value) for value in values[:8])
    shown = ", ".join(plain)
    return shown if len(values) <= 8 else f"{shown}, … ({len(values)} values)"
