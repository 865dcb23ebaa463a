"""One line of a benchmark's table: ours beside a peer or a limit, with the bar it is held to."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Measure:
    """`low` and `high` are the ratio's extremes over the runs; without a peer, those of our own figure."""

    metric: str
    unit: str
    ours: float
    peer: str
    peer_value: float
    ratio: float
    low: float
    high: float
    bar: str
    held: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def against_limit(
    metric: str, unit: str, runs: Sequence[float], limit: float, *, want: Literal["at most", "at least"]
) -> Measure:
    """Our runs against a fixed limit; the median is held to it."""
    ours = statistics.median(runs)
    held = ours <= limit if want == "at most" else ours >= limit
    bar = f"{want} {limit:g} {unit}"
    return Measure(metric, unit, ours, "limit", limit, ours / limit, min(runs), max(runs), bar, held)


def against_peer(  # noqa: PLR0913
    metric: str,
    unit: str,
    peer: str,
    runs: Sequence[tuple[float, float]],
    *,
    at_least: float = 0,
    at_most: float = math.inf,
) -> Measure:
    """Pairs of runs (ours, the peer's); the median of their ratios is held to one of the two bounds."""
    ratios = [mine / theirs for mine, theirs in runs]
    ratio = statistics.median(ratios)
    return Measure(
        metric,
        unit,
        statistics.median(mine for mine, _ in runs),
        peer,
        statistics.median(theirs for _, theirs in runs),
        ratio,
        min(ratios),
        max(ratios),
        f"at most {at_most:.2g} x" if math.isfinite(at_most) else f"at least {at_least:g} x",
        at_least <= ratio <= at_most,
    )
