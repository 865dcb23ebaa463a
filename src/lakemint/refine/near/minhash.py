"""Near-duplicate texts: shingles, MinHash signatures in bands, and the Jaccard similarity they stand for.

Method: Broder, On the resemblance and containment of documents (1997); banding after Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, chapter 3. Signatures by the library rensa, over our own shingle hashes.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

ALGORITHM: Final = "lakemint.minhash/1"
"""Changes when signatures do."""
PERMUTATIONS: Final = 128
SEED: Final = 1
MISSED: Final = 1e-6
"""The chance at most that a pair just as similar as asked for shares no band."""


@dataclass(frozen=True)
class Bands:
    """How signatures are compared: texts that agree in all rows of one band are looked at closely."""

    count: int
    rows: int

    @classmethod
    def of(cls, jaccard: float) -> "Bands":
        """The longest bands that miss a pair of this similarity with a chance of `MISSED` at most."""
        fitting = [
            bands
            for rows in range(1, PERMUTATIONS + 1)
            if (bands := cls(PERMUTATIONS // rows, rows)).missed(jaccard) <= MISSED
        ]
        return fitting[-1] if fitting else cls(PERMUTATIONS, 1)

    def missed(self, jaccard: float) -> float:
        """The chance that a pair of this similarity shares no band."""
        return math.pow(1 - math.pow(jaccard, self.rows), self.count)


@dataclass(frozen=True)
class Shingles:
    """The shingles of many texts, as 64-bit hashes, one text after the other."""

    hashes: "Hashes"
    """(shingles,), a text's in the order they stand in, repeated ones too."""
    bounds: "NDArray[np.int64]"
    """(texts + 1,): where each text's begin, and where the last one's end."""

    def of(self, index: int) -> "Hashes":
        """The distinct shingles of one text, sorted."""
        return np.unique(self.hashes[self.bounds[index] : self.bounds[index + 1]])


def shingles(texts: Sequence[str | None], width: int) -> Shingles:
    """Every run of `width` characters of each text; a shorter text is one shingle, null is like empty.

    Upper and lower case are one, and so is white space of any kind and length.
    """
    folded = [" ".join((text or "").casefold().split()) for text in texts]
    lengths = np.array([len(text) for text in folded], np.int64)
    counts = np.maximum(lengths - width + 1, 1)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    starts = np.arange(len(texts)) * width + np.cumsum(lengths) - lengths
    at = np.repeat(starts - bounds[:-1], counts) + np.arange(bounds[-1])
    characters = _characters(folded, lengths, width)
    hashes = np.zeros(len(at), np.uint64)
    for offset, key in enumerate(_keys(width)):
        hashes += characters[at + offset] * key
    return Shingles(_mixed(hashes), bounds)


def _characters(texts: Sequence[str], lengths: "NDArray[np.int64]", width: int) -> "Hashes":
    """All texts' code points plus one, `width` zeros after each text: there a short one's window ends."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    filled = np.zeros(len(points) + len(texts) * width, np.uint64)
    at = np.arange(len(points)) + np.repeat(np.arange(len(texts)) * width, lengths)
    filled[at] = points.astype(np.uint64) + np.uint64(1)
    return filled


def _keys(width: int) -> "Hashes":
    """An odd number for each place of a shingle, the same for ever."""
    drawn = hashlib.shake_128(ALGORITHM.encode()).digest(8 * width)
    return np.frombuffer(drawn, "<u8") | np.uint64(1)


def band_hashes(texts: Sequence[str | None], width: int, bands: Bands) -> "Hashes":
    """What each text's signature is in each band, as (texts, bands.count) uint64."""
    from rensa import RMinHash

    found = shingles(texts, width)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        found.hashes, found.bounds.astype(np.uint64), PERMUTATIONS, SEED
    )
    signatures = np.array(matrix.to_rows(), np.uint64).reshape(len(texts), PERMUTATIONS)
    rows = signatures[:, : bands.count * bands.rows].reshape(len(texts), bands.count, bands.rows)
    total: Hashes = np.zeros((len(texts), bands.count), np.uint64)
    for row in range(bands.rows):
        total = _mixed(total + rows[:, :, row])
    return total


def jaccard(one: "Hashes", other: "Hashes") -> float:
    """The Jaccard similarity of two sets, each sorted."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def _mixed(values: "Hashes") -> "Hashes":
    """Each bit of the result depends on all bits of the value (the finalizer of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
