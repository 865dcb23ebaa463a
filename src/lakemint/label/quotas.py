"""How many samples of each stratum go to people."""

from collections.abc import Mapping

from lakemint.errors import RecipeError
from lakemint.label.asking import Asking


def apportion(weights: Mapping[str, int], seats: int, least: int = 0) -> dict[str, int]:
    """Seats in proportion to the weights, by largest remainder; at most `seats` in all.

    None gets more than its weight; each with a weight gets `least`, if the seats suffice for that. Ties go
    by name, so the same weights always give the same seats.
    """
    total = sum(weights.values())
    seats = min(seats, total)
    exact = {name: divmod(weight * seats, total) if total else (0, 0) for name, weight in weights.items()}
    given = {name: max(share, min(least, weights[name])) for name, (share, _) in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (-exact[name][1], name))
    for name in by_remainder:
        if sum(given.values()) < seats and given[name] < weights[name] and given[name] == exact[name][0]:
            given[name] += 1
    while sum(given.values()) > seats:
        richest = max(sorted(given), key=lambda name: given[name])
        given[richest] -= 1
    return given


def quotas(counts: Mapping[str, tuple[int, int]], size: int) -> dict[str, int]:
    """How many more samples to send of each stratum, given (samples there are, of them already sent).

    What was sent stays sent and counts; never more than `size` in all. Strata without news are left out.
    """
    target = apportion({name: there for name, (there, _) in counts.items()}, size, least=1)
    lacking = {name: max(0, target[name] - sent) for name, (_, sent) in counts.items()}
    left = max(0, size - sum(sent for _, sent in counts.values()))
    return {name: number for name, number in apportion(lacking, left).items() if number}


def check_strata(counts: Mapping[str, tuple[int, int]], asked: Asking) -> Mapping[str, tuple[int, int]]:
    """The counts themselves; raises RecipeError for more strata than samples."""
    if len(counts) > asked.sample.size:
        raise RecipeError(
            f"schemas/{asked.dataset}/recipe.yaml: label.sample.strata: {asked.sample.strata!r} has more "
            f"values than the {asked.sample.size} samples; name a coarser column, or raise label.sample.size"
        )
    return counts
