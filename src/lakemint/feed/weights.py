"""How often the examples of a split come, as one of its columns says."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakemint.errors import WeightsError
from lakemint.feed.draws import Draws, Sums
from lakemint.feed.prefetch import Prefetch

MAX_VALUES: Final = 1000
"""Values of a column that have weights of their own, at most."""
_AHEAD, _WINDOWS = 4, 2
"""Shards that are fetched ahead while all are looked through; windows whose shards' sums are kept."""
_SHOWN = 20
"""Values that an error tells, at most."""
_BITS, _MANTISSA = 62, 52
"""Of all weights together, and of one."""

Value = str | int | bool | None


@dataclass(frozen=True)
class Rule:
    """What an example weighs."""

    column: str
    values: tuple[tuple[Value, float], ...] | None = None
    """Value of the column → weight, and 0 for any other; None: the column's numbers are the weights."""

    @classmethod
    def of(cls, column: str, values: Mapping[Any, float] | None) -> "Rule":
        """Raises WeightsError for too many values, and for what is no weight."""
        if values is None:
            return cls(column)
        if len(values) > MAX_VALUES:
            raise WeightsError(f"weights by {column}: {len(values):,} values, {MAX_VALUES:,} at most")
        told = [(_value(one), _number(weight)) for one, weight in values.items()]
        rule = cls(column, tuple(sorted(told, key=str)))
        rule._require_sound(np.array([weight for _, weight in rule.values or ()]))
        return rule

    def require_kind(self, kind: pa.DataType) -> None:
        """Raises WeightsError when a column of that type can have no such weights."""
        whole = pa.types.is_integer(kind)
        if self.values is None and not (whole or pa.types.is_floating(kind)):
            raise WeightsError(
                f"weights by {self.column}: it holds no numbers but {kind}; tell what each value weighs"
            )
        if self.values is not None and not (whole or kind in {pa.string(), pa.bool_()}):
            raise WeightsError(f"weights by {self.column}: it holds {kind}, and no kinds of examples")

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"column": self.column, "values": self.values and [list(one) for one in self.values]}

    def weigh(self, rows: pa.RecordBatch) -> NDArray[np.float64]:
        """What each row weighs, (rows,); raises WeightsError for what is no weight."""
        column = rows.column(self.column)
        return self._numbers(column) if self.values is None else self._by_value(column, dict(self.values))

    def _numbers(self, column: pa.Array) -> NDArray[np.float64]:
        if column.null_count:
            raise WeightsError(f"weights by {self.column}: {column.null_count:,} rows of a shard have none")
        found: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
        self._require_sound(found)
        return found

    def _require_sound(self, weights: NDArray[np.float64]) -> None:
        wrong = weights[~(np.isfinite(weights) & (weights >= 0))]
        if wrong.size:
            raise WeightsError(f"weights by {self.column}: {wrong[0]} is none; write numbers of 0 or more")

    @staticmethod
    def _by_value(column: pa.Array, weights: Mapping[Value, float]) -> NDArray[np.float64]:
        found = column.dictionary_encode()
        own = [weights.get(value, 0.0) for value in found.dictionary.to_pylist()]
        codes = found.indices.fill_null(len(own)).to_numpy(zero_copy_only=False)
        weighed: NDArray[np.float64] = np.array([*own, weights.get(None, 0.0)])[codes]
        return weighed


class Weighable(Protocol):
    """The split that is weighed."""

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> pa.Schema: ...
    @property
    def shards(self) -> Sequence[Any]: ...
    def __len__(self) -> int: ...
    def shard(self, index: int) -> pa.RecordBatch: ...


class Weights:
    """The weights of a split's examples as whole numbers, and orders of examples by them.

    Of all shards the sums are kept; of those that are being read, the sums of their rows.
    """

    def __init__(self, split: Weighable, rule: Rule) -> None:
        """Reads the column of all shards.

        Raises WeightsError for a column that is not there, for what is no weight, for values that no row
        has, when no row weighs anything; and what reading raises.
        """
        self._split, self.rule = split, rule
        rule.require_kind(_kind(split, rule.column))
        seen = [self._seen(rows) for rows in _columns(split, rule.column)]
        self.places = sum(weighing for _, weighing, _ in seen)
        """Of an epoch: as many as there are rows of any weight."""
        self._require_known({value for _, _, values in seen for value in values})
        self._scale = self._scale_of(max((heaviest for heaviest, _, _ in seen), default=0.0))
        self._totals = [int(self._whole(rows).sum()) for rows in _columns(split, rule.column)]
        told = json.dumps([rule.plain(), self._totals])
        self.digest = hashlib.sha256(told.encode()).hexdigest()
        """Of all that an order by them follows from."""

    def draws(self, key: bytes, window: int, shuffle: bool) -> Draws:
        """The order of an epoch with that key, in which so many shards are mixed at a time."""
        sums = lru_cache(maxsize=_WINDOWS * window)(self._summed)
        return Draws(self._totals, self.places, sums, window, key, shuffle)

    def _seen(self, rows: pa.RecordBatch) -> tuple[float, int, set[Value]]:
        """The heaviest weight of a shard, how many rows have any, and of its values those named and some."""
        weights = self.rule.weigh(rows)
        named, there = dict(self.rule.values or ()), rows.column(0).unique()
        values = {value for at, value in enumerate(there.to_pylist()) if value in named or at < _SHOWN}
        return float(weights.max(initial=0.0)), int(np.count_nonzero(weights)), values

    def _scale_of(self, heaviest: float) -> int:
        """The power of two that makes of weights whole numbers, as large as their sum may be."""
        if not heaviest:
            raise WeightsError(f"{self._split.name}: weights by {self.rule.column}: no example has any")
        return min(_BITS - len(self._split).bit_length(), _MANTISSA) - int(np.frexp(heaviest)[1])

    def _require_known(self, there: set[Value]) -> None:
        if unknown := [value for value, _ in self.rule.values or () if value not in there]:
            known = ", ".join(sorted(map(repr, there))[:_SHOWN])
            raise WeightsError(
                f"weights by {self.rule.column}: no example of {self._split.name} has {unknown[0]!r}; there "
                f"are {known}"
            )

    def _whole(self, rows: pa.RecordBatch) -> Sums:
        weights = self.rule.weigh(rows)
        whole: Sums = np.ldexp(weights, self._scale).astype(np.int64)
        return np.maximum(whole, weights > 0)  # what weighs little comes seldom, but comes

    def _summed(self, shard: int) -> Sums:
        return np.cumsum(self._whole(self._split.shard(shard).select([self.rule.column])))


def balanced(split: Weighable, column: str) -> Rule:
    """By which every value of the column comes equally often.

    Raises WeightsError for a column that is not there, for too many values, and what reading raises.
    """
    Rule(column, ()).require_kind(_kind(split, column))
    counts: Counter[Value] = Counter()
    for rows in _columns(split, column):
        found: Any = rows.column(0).value_counts().to_pylist()
        counts.update({one["values"]: one["counts"] for one in found})
        if len(counts) > MAX_VALUES:
            raise WeightsError(
                f"{column} has more than {MAX_VALUES:,} values in {split.name}: balance by a column of fewer"
            )
    return Rule.of(column, {value: 1 / count for value, count in counts.items()})


def _value(value: Any) -> Value:
    found = value.item() if isinstance(value, np.generic) else value
    if found is None or isinstance(found, str | int):
        return found
    raise WeightsError(f"weights: {value!r} is no value of a column of text or whole numbers")


def _number(weight: Any) -> float:
    try:
        return float(weight)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"weights: {weight!r} is no number") from error


def _kind(split: Weighable, column: str) -> pa.DataType:
    if column not in split.schema.names:
        raise WeightsError(
            f"weights: there is no column {column!r}; there are {', '.join(split.schema.names)}"
        )
    return split.schema.field(column).type


def _columns(split: Weighable, column: str) -> Iterator[pa.RecordBatch]:
    """One column of each shard."""
    count = len(split.shards)
    with Prefetch(split.shard) as ahead:
        for index in range(count):
            ahead.want(range(index, min(index + _AHEAD, count)))
            yield ahead.shard(index).select([column])
