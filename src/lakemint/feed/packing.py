"""Token sequences of any lengths, packed into rows of one length: a transform, so states stay as they are.

Each batch is packed by itself, by best fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973):
the longest first, each into the fullest row that has room. So no token is lost, and only what is longer than
a row is cut into several (Ding et al., "Fewer Truncations Improve Language Modeling", 2024).
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays
from lakemint.feed.order import Rows

SEGMENTS: Final = "segments"
"""Which sample of its row a token is of, from 1 on: attention must not cross them. 0 is padding."""
POSITIONS: Final = "positions"
"""Which token of its sample's piece it is, from 0 on."""


@dataclass(frozen=True)
class Packing:
    """A transform of batches whose `column` holds numbers of that `kind`, each sample as many as it has.

        train.loader(256, columns=["tokens"], transform=Packing("tokens", "uint16", length=2048))

    It makes of them the column, `SEGMENTS` and `POSITIONS`, (rows, length) each, the last two of int32. How
    many rows a batch makes depends on its samples; with `rows`, as many as that, or more when they are not
    enough. Other columns are left out: a row is of several samples.
    """

    column: str
    kind: str
    length: int
    rows: int = 0
    padding: int = 0

    def __post_init__(self) -> None:
        if self.length < 1:
            raise LakemintError(f"length is {self.length}; it must be at least 1")

    def __call__(self, batch: Arrays, _seeds: Rows) -> Arrays:
        """Raises LakemintError when the column is not there, or its values are not such numbers."""
        tokens, lengths = self._joined(batch)
        pieces = _pieces(lengths, self.length)
        where = _packed([length for _, length in pieces], self.length)
        count = max(self.rows, 1 + max((row for row, _, _ in where), default=-1))
        shape = count, self.length
        packed = np.full(shape, self.padding, tokens.dtype)
        segments, positions = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for (begin, length), (row, at, segment) in zip(pieces, where, strict=True):
            own = row, slice(at, at + length)
            packed[own] = tokens[begin : begin + length]
            segments[own], positions[own] = segment, np.arange(length)
        return {self.column: packed, SEGMENTS: segments, POSITIONS: positions}

    def _joined(self, batch: Arrays) -> tuple[NDArray[Any], list[int]]:
        """All samples' tokens end to end, and how many each has."""
        if self.column not in batch:
            raise LakemintError(f"there is no column {self.column!r} to pack; there are {', '.join(batch)}")
        kind, values = np.dtype(self.kind), batch[self.column].tolist()
        if wrong := [value for value in values if not isinstance(value, bytes) or len(value) % kind.itemsize]:
            raise LakemintError(f"column {self.column}: {str(wrong[0])[:60]} is no row of {kind}")
        return np.frombuffer(b"".join(values), kind), [len(value) // kind.itemsize for value in values]


def _pieces(lengths: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Where each piece begins among all tokens, and its length: samples in their order, longer ones cut."""
    pieces, begin = [], 0
    for length in lengths:
        pieces += [(begin + at, min(most, length - at)) for at in range(0, length, most)]
        begin += length
    return pieces


def _packed(lengths: Sequence[int], most: int) -> list[tuple[int, int, int]]:
    """Of each piece: its row, where in it it begins, and which of the row's pieces it is, from 1 on."""
    found = [(0, 0, 0)] * len(lengths)
    rooms: list[tuple[int, int]] = []  # of each row that has any: how much, and its number; the fullest first
    held: list[int] = []
    for piece in sorted(range(len(lengths)), key=lambda piece: -lengths[piece]):
        length = lengths[piece]
        fit = bisect_left(rooms, (length, 0))
        room, row = rooms.pop(fit) if fit < len(rooms) else (most, len(held))
        if row == len(held):
            held.append(0)
        held[row] += 1
        found[piece] = row, most - room, held[row]
        if room > length:
            insort(rooms, (room - length, row))
    return found
