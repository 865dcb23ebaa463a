"""Half-open ranges of whole numbers: what was read of an order without end, in few words."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

Range = tuple[int, int]
"""Begin, and behind the end."""


def merged(ranges: Iterable[Sequence[int]], at_most: int | None = None) -> list[Range]:
    """The numbers of all ranges, as the fewest ranges, ascending; empty ones leave nothing.

    `at_most` so many of them: the narrowest gaps are closed then, so that too much is told and never too
    little.
    """
    found: list[Range] = []
    for begin, end in sorted((begin, end) for begin, end in ranges if begin < end):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    if at_most is None or len(found) <= at_most:
        return found
    gaps = sorted(range(1, len(found)), key=lambda place: found[place][0] - found[place - 1][1])
    cuts = [0, *sorted(gaps[len(found) - at_most :]), len(found)]
    return [(found[first][0], found[behind - 1][1]) for first, behind in pairwise(cuts)]


def total(ranges: Iterable[Range]) -> int:
    """How many numbers there are in ranges that have none in common."""
    return sum(end - begin for begin, end in ranges)
