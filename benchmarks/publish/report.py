"""From the rounds to the lines of the table."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.measure import Measure, against_limit, against_peer
from benchmarks.publish.contest import Step
from benchmarks.publish.limits import Limits
from benchmarks.publish.rows import Rows

_GIB = 2**30
_MB = 10**6
CHANGES = {"spread": "1% changed, all over", "block": "1% changed, in one stretch"}


@dataclass(frozen=True)
class Round:
    """What all came to, step by step, one after the other."""

    ours: dict[str, Step]
    tenth: dict[str, Step]
    """Ours, of a tenth of the rows."""
    theirs: dict[str, dict[str, Step]]
    limits: Limits


def report(rounds: Sequence[Round], rows: Rows) -> list[Measure]:
    return [*_first(rounds, rows.bytes), *_changes(rounds), *_growth(rounds, rows), *_memory(rounds)]


def _first(rounds: Sequence[Round], size: int) -> Iterator[Measure]:
    rates = [(size / one.ours["first"].seconds / _MB, one.limits.slower / _MB) for one in rounds]
    name = "first publish"
    yield against_peer(name, "MB/s", "the slower of sha256 and disk", rates, at_least=0.7)
    for peer in rounds[0].theirs:
        pairs = [
            (size / one.ours["first"].seconds / _MB, size / one.theirs[peer]["first"].seconds / _MB)
            for one in rounds
        ]
        yield against_peer(name, "MB/s", peer, pairs, at_least=1)


def _changes(rounds: Sequence[Round]) -> Iterator[Measure]:
    """Against each peer; the bar is for the best of them."""
    for step, name in CHANGES.items():
        for peer in _fastest_first(rounds, step):
            pairs = [(one.ours[step].seconds, one.theirs[peer][step].seconds) for one in rounds]
            yield against_peer(name, "s", peer, pairs, at_most=1 / 3)
        touched = [one.ours[step].new_bytes / one.ours[step].told["touched"] for one in rounds]
        yield against_limit(f"{name}: new bytes", "x touched shards", touched, 1.5, want="at most")
        for peer in rounds[0].theirs:
            sizes = [
                (one.ours[step].new_bytes / _MB, one.theirs[peer][step].new_bytes / _MB) for one in rounds
            ]
            yield against_peer(f"{name}: new bytes", "MB", peer, sizes, at_most=1)


def _fastest_first(rounds: Sequence[Round], step: str) -> list[str]:
    def median(peer: str) -> float:
        return statistics.median(one.theirs[peer][step].seconds for one in rounds)

    return sorted(rounds[0].theirs, key=median)


def _growth(rounds: Sequence[Round], rows: Rows) -> Iterator[Measure]:
    slower = [one.ours["few"].seconds / one.tenth["spread"].seconds for one in rounds]
    yield against_limit("the same change at 10 x the rows", "x the time", slower, 1.3, want="at most")
    million = [one.ours["diff"].seconds * 1e6 / rows.count for one in rounds]
    yield against_limit("version diff, 1% changed", "s for 1M rows", million, 2, want="at most")


def _memory(rounds: Sequence[Round]) -> Iterator[Measure]:
    def peak(steps: dict[str, Step]) -> float:
        return max(step.peak for step in steps.values()) / _GIB

    most = "memory, Spark's server included"
    yield against_limit(most, "GiB", [peak(one.ours) for one in rounds], 1, want="at most")
    beside = [max(step.peak_beside for step in one.ours.values()) / _GIB for one in rounds]
    yield against_limit("memory beside Spark's server", "GiB", beside, 1, want="at most")
    for peer in rounds[0].theirs:
        pairs = [(peak(one.ours), peak(one.theirs[peer])) for one in rounds]
        yield against_peer(most, "GiB", peer, pairs, at_most=1)
