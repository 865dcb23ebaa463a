"""Quality rules: what a contract promises of a table, brought into one form.

A contract says it in many ways: `required: true`, `logicalTypeOptions: {maxLength: 9}`, a `library` metric.
Each becomes a `Rule` (see `odcs.py`): a kind of check, its arguments, and how many broken rows are accepted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lakemint.digest import digest_of

Kind = Literal[
    "not_null", "unique", "in_set", "not_in_set", "matches", "length", "between", "row_count", "custom"
]
Severity = Literal["critical", "warning"]
Type = Literal["string", "binary", "long", "double", "boolean", "date", "timestamp"]
"""A column's type, by Spark's name for it."""


@dataclass(frozen=True)
class Column:
    """A property of a table."""

    name: str
    type: Type
    required: bool
    unique: bool


@dataclass(frozen=True)
class Limit:
    """What a measured number must be: `mustBeLessThan 5 percent`."""

    operator: str = "mustBe"
    operand: float | tuple[float, float] = 0
    unit: Literal["rows", "percent"] = "rows"

    def holds(self, count: int, rows: int) -> bool:
        """Whether `count` of `rows` is accepted. No rows: zero percent."""
        measured = count if self.unit == "rows" else 100 * count / rows if rows else 0.0
        return OPERATORS[self.operator](measured, self.operand)

    def __str__(self) -> str:
        words = re.sub(r"([A-Z])", r" \1", self.operator).lower()
        operand = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return f"{words} {' and '.join(f'{value:g}' for value in operand)} {self.unit}"


OPERATORS: Final[dict[str, Callable[[float, Any], bool]]] = {
    "mustBe": lambda n, v: n == v,
    "mustNotBe": lambda n, v: n != v,
    "mustBeGreaterThan": lambda n, v: n > v,
    "mustBeGreaterOrEqualTo": lambda n, v: n >= v,
    "mustBeLessThan": lambda n, v: n < v,
    "mustBeLessOrEqualTo": lambda n, v: n <= v,
    "mustBeBetween": lambda n, v: v[0] <= n <= v[1],
    "mustNotBeBetween": lambda n, v: not v[0] <= n <= v[1],
}
NONE_BROKEN: Final = Limit()


@dataclass(frozen=True)
class Rule:
    """One check of a table. `column` is None when it is about the whole table."""

    name: str
    """What it says, in words; unique in its table."""
    kind: Kind
    column: str | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """JSON only: `values`, `pattern`, `columns`, `min`, `max` and `strict`, or `type` and `kwargs`."""
    limit: Limit = NONE_BROKEN
    """What the number of broken rows must be (of a row count: the number itself)."""
    severity: Severity = "critical"

    @property
    def measured(self) -> str | None:
        """The column that is looked at: of a pattern, one that says whether it matches."""
        return f"_matches_{self.meaning[:16]}" if self.kind == "matches" else self.column

    @property
    def meaning(self) -> str:
        """The digest of what is checked, whatever it is called."""
        limit = [self.limit.operator, self.limit.operand, self.limit.unit]
        return digest_of([self.kind, self.column, dict(self.arguments), limit])
