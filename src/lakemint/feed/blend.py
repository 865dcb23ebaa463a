"""Which of several sources each example of an endless stream is of, in exact proportions, as arithmetic.

Of weights 3 and 1, any four examples from a multiple of four on are three of the first source and one of the
second, in an order of their own. So how many of each source came before any position is a division.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lakemint.errors import LakemintError
from lakemint.feed.order import Rows, seeds
from lakemint.feed.windows import Places

ENDLESS: Final = 2**52
"""Examples: nobody comes so far."""
MAX_CYCLE: Final = 10_000
"""Examples after which proportions must be exact, at most."""


@dataclass(frozen=True)
class Stage:
    """So many examples in these proportions; None: for ever."""

    weights: Mapping[str, float]
    """Source → its part; only what they are to each other counts. One that is not named has none."""
    examples: int | None = None


def parts_of(weights: Mapping[str, float], sources: Sequence[str]) -> list[int]:
    """The smallest whole numbers in these proportions, of each source.

    Raises LakemintError for an unknown source, for weights that are below 0 or all 0, and for proportions
    that no `MAX_CYCLE` examples can have.
    """
    if unknown := [name for name in weights if name not in sources]:
        raise LakemintError(f"weights: there is no source {unknown[0]!r}; there are {', '.join(sources)}")
    try:
        exact = [Fraction(str(weights.get(name, 0))) for name in sources]
    except ValueError as error:
        raise LakemintError(f"weights: {error}; write numbers, as 0.7 and 0.3") from error
    if min(exact) < 0 or not any(exact):
        raise LakemintError("weights: each must be 0 or more, and one at least above 0")
    whole = [int(one * lcm(*(other.denominator for other in exact))) for one in exact]
    parts = [one // gcd(*whole) for one in whole]
    if sum(parts) > MAX_CYCLE:
        raise LakemintError(
            f"weights: they are exact after {sum(parts):,} examples only; round them, so that "
            f"{MAX_CYCLE:,} are enough"
        )
    return parts


class Blend:
    """Source and turn of each position: `parts` are those of each source, out of their sum."""

    def __init__(self, parts: Sequence[int], key: bytes) -> None:
        self.parts: Places = np.array(parts, np.int64)
        self._key = key

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        """Which source, and how many of its examples came before: (positions,) int64 each."""
        cycle = self._cycle
        cycles, at = np.divmod(positions.astype(np.int64), cycle)
        there, row = np.unique(cycles, return_inverse=True)
        slots = self._slots(there)
        turns = np.zeros_like(slots)
        for source, part in enumerate(self.parts.tolist()):
            own = slots == source
            turns[own] = (there[:, None] * part + np.cumsum(own, axis=1) - 1)[own]
        return slots[row, at], turns[row, at]

    def before(self, position: int) -> Places:
        """How many examples of each source came before a position: (sources,)."""
        cycles, at = divmod(position, self._cycle)
        begun = self._slots(np.array([cycles]))[0, :at]
        return cycles * self.parts + np.bincount(begun, minlength=len(self.parts))

    @cached_property
    def _cycle(self) -> int:
        return int(self.parts.sum())

    def _slots(self, cycles: Places) -> Places:
        """The sources of these cycles' examples: (cycles, examples of one)."""
        positions = cycles[:, None] * self._cycle + np.arange(self._cycle)
        drawn = seeds(self._key, positions.astype(np.uint64))
        slots: NDArray[np.int64] = np.repeat(np.arange(len(self.parts)), self.parts)[
            np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1, kind="stable")
        ]
        return slots


class Stages:
    """Blends that follow each other; each source goes on in a stage where it was."""

    def __init__(self, stages: Sequence[Stage], sources: Sequence[str], key: bytes = b"") -> None:
        """Raises LakemintError for no stage, for one of no examples, for one after an endless one, and as
        `parts_of`."""
        if not stages:
            raise LakemintError("a mixture needs weights")
        lengths = [ENDLESS if stage.examples is None else stage.examples for stage in stages]
        if min(lengths) < 1:
            raise LakemintError(f"a stage of {min(lengths)} examples: give it 1 at least, or None for no end")
        if ENDLESS in lengths[:-1]:
            raise LakemintError("a stage without an end is followed by another: say how many examples it has")
        self._begins = np.cumsum([0, *lengths[:-1]])
        self.examples = int(self._begins[-1]) + lengths[-1]
        """Of all stages."""
        parts = [parts_of(stage.weights, sources) for stage in stages]
        self._blends = [Blend(one, key + str(at).encode()) for at, one in enumerate(parts)]
        self._bases: list[Places] = [np.zeros(len(sources), np.int64)]
        """How many examples of each source came before each stage."""
        for blend, length in zip(self._blends, lengths[:-1], strict=False):
            self._bases.append(self._bases[-1] + blend.before(length))

    def __call__(self, positions: Rows) -> tuple[Places, Places]:
        """As a blend."""
        stages = np.searchsorted(self._begins, positions, side="right") - 1
        sources, turns = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        for stage in np.unique(stages).tolist():
            own = stages == stage
            sources[own], turns[own] = self._blends[stage](positions[own] - np.uint64(self._begins[stage]))
            turns[own] += self._bases[stage][sources[own]]
        return sources, turns

    def before(self, position: int) -> Places:
        """As a blend's."""
        stage = int(np.searchsorted(self._begins, position, side="right")) - 1
        found: Places = self._bases[stage] + self._blends[stage].before(position - int(self._begins[stage]))
        return found

    def turn(self, source: int, position: int) -> int:
        """How many examples of one source came before a position."""
        return int(self.before(position)[source])
