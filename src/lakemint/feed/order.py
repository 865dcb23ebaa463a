"""Random orders as arithmetic: position → row, and no array.

A keyed permutation of 0 … n-1: a Feistel network on the smallest 2^b ≥ n, walked along its cycles until the
result is below n. Pure integer arithmetic on numpy vectors, the same on every machine. The name of the
algorithm is part of the key, so that another one could never be taken for this.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

ALGORITHM = "lakemint.order/2"
_ROUNDS, _SMALL, _SMALL_ROUNDS = 8, 12, 24
"""Below 2^12 rows the halves are so short that eight rounds favour some orders; measured on 5 to 7 rows."""
_STEPS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST = np.uint64(31)

Rows = NDArray[np.uint64]


def order_key(digest: str, seed: int, epoch: int) -> bytes:
    """The key of an epoch's order: 32 bytes, from the manifest's digest, seed and epoch alone."""
    return hashlib.sha256(f"{ALGORITHM}:{digest}:{seed}:{epoch}".encode()).digest()


def seeds(key: bytes, positions: Rows) -> Rows:
    """A number for each position of the order with that key, below 2^64, to draw at random from."""
    salt = np.frombuffer(hashlib.sha256(key + b"seeds").digest()[:8], "<u8").astype(np.uint64)
    drawn, spare = positions.copy(), np.empty_like(positions)
    _mix(drawn, spare)
    drawn ^= salt
    _mix(drawn, spare)
    return drawn


class Permutation:
    """A permutation of 0 … n-1 that needs no memory; any part of it can be computed alone."""

    def __init__(self, n: int, key: bytes) -> None:
        self.n = n
        bits = max(2, (n - 1).bit_length())
        self._low = np.uint64(bits // 2)
        self._low_mask = np.uint64((1 << bits // 2) - 1)
        self._high_mask = np.uint64((1 << (bits - bits // 2)) - 1)
        stream = hashlib.shake_256(key).digest(8 * (_SMALL_ROUNDS if bits < _SMALL else _ROUNDS))
        self._keys = np.frombuffer(stream, dtype="<u8").astype(np.uint64)

    def __call__(self, positions: Rows) -> Rows:
        """The rows at these positions, each below n, as uint64, in their order."""
        rows = self._feistel(positions.astype(np.uint64))
        outside = np.flatnonzero(rows >= self.n)
        while outside.size:
            rows[outside] = self._feistel(rows[outside])
            outside = outside[rows[outside] >= self.n]
        return rows

    def _feistel(self, values: Rows) -> Rows:
        """One pass over 0 … 2^b-1: each round mixes one half into the other, so it can be undone."""
        high, low = values >> self._low, values & self._low_mask
        mixed, spare = np.empty_like(high), np.empty_like(high)
        for turn, key in enumerate(self._keys):
            of, into, mask = (low, high, self._high_mask) if turn % 2 else (high, low, self._low_mask)
            np.bitwise_xor(of, key, out=mixed)
            _mix(mixed, spare)
            mixed &= mask
            into ^= mixed
        high <<= self._low
        high |= low
        return high


def _mix(values: Rows, spare: Rows) -> None:
    """Each of 64 bits into all 64: the finalizer of splitmix64, arithmetic modulo 2^64.

    In place, as what it costs is memory: `spare` is another array of the shape, for what is between.
    """
    for shift, factor in _STEPS:
        np.right_shift(values, shift, out=spare)
        values ^= spare
        values *= factor
    np.right_shift(values, _LAST, out=spare)
    values ^= spare
