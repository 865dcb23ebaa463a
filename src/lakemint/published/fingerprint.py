"""Fingerprints: what tells values apart without keeping them, computed for whole columns at once."""

import hashlib
import secrets
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Prints = NDArray[np.uint64]

_SHORT = 4096
"""Longer values, in bytes, are digested one by one: beside their bytes the call costs little."""
_PIECE = 65536
"""Bytes of short values at a time, so that the temporary arrays, 30 times as long, stay in the cache."""


class Fingerprints:
    """64-bit fingerprints of the values of a column, or of rows.

    Under one `Fingerprints`, equal values have equal fingerprints. Two of a column that differ have the same
    one with a chance below 2^-55, whoever chose them: the keys are drawn anew each time. Method:
    multilinear hashing modulo 2^64 (Carter and Wegman, Universal classes of hash functions, 1979; Lemire and
    Kaser, Strongly universal string hashing is fast, 2014), and for long values keyed BLAKE2b.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._drawn: dict[str, Prints] = {}

    def rows(self, batch: pa.RecordBatch, names: Iterable[str]) -> "Prints":
        """One fingerprint a row, of these columns together in any order, as (rows,) uint64."""
        total = np.zeros(batch.num_rows, np.uint64)
        for name in names:
            total += self.column(name, batch.column(name))
        return total

    def column(self, name: str, values: pa.Array) -> "Prints":
        """One fingerprint a value, as (values,) uint64. Null is a value like others, NaN equals itself.

        `values` is of a type of `published.columns`, `name` chooses the keys. Text and bytes with the same
        content have the same fingerprint.
        """
        found = np.zeros(len(values), np.uint64)
        data, bounds = _bytes_of(values)
        keys, lengths = self._keys(name), np.diff(bounds)
        for begin, end in pairwise(_cuts(bounds, np.flatnonzero(lengths > _SHORT))):
            content = data[bounds[begin] : bounds[end]]
            if lengths[begin] > _SHORT:
                secret = self._secret + keys[:1].tobytes()
                digest = hashlib.blake2b(content.data, digest_size=8, key=secret).digest()
                found[begin] = int.from_bytes(digest, "little")
            else:
                found[begin:end] = _multilinear(content, lengths[begin:end], keys)
        found[values.is_null().to_numpy(zero_copy_only=False)] = keys[-1]
        return found

    def _keys(self, name: str) -> "Prints":
        """A key for each place in a value, and one for null, as (_SHORT + 1,) uint64."""
        if name not in self._drawn:
            drawn = np.random.default_rng([*self._secret, *name.encode()])
            self._drawn[name] = drawn.integers(0, 2**64, _SHORT + 1, dtype=np.uint64)
        return self._drawn[name]


def _cuts(bounds: "NDArray[np.int64]", long: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Where to cut values into pieces: every `_PIECE` bytes or so, and on both sides of each long one."""
    every = np.searchsorted(bounds, np.arange(bounds[0], bounds[-1], _PIECE))
    cuts: NDArray[np.int64] = np.unique(np.concatenate([every, long, long + 1, [0, len(bounds) - 1]]))
    return cuts


def _multilinear(content: "NDArray[np.uint8]", lengths: "NDArray[np.int64]", keys: "Prints") -> "Prints":
    """The sum, modulo 2^64, of key * (byte + 1) over each value's bytes, as (values,) uint64.

    The one is added so that a value and the same with zeros behind it differ. `content` has the values one
    after the other, `lengths` is (values,).
    """
    ends = np.cumsum(lengths)
    starts = ends - lengths
    place = np.arange(len(content), dtype=np.int32) - np.repeat(starts.astype(np.int32), lengths)
    terms = content.astype(np.uint64)
    terms += np.uint64(1)
    terms *= keys[place]
    # Differences of sums that wrapped around are right modulo 2^64, also for empty values.
    sums = np.zeros(len(terms) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    found: Prints = sums[ends] - sums[starts]
    return found


def _bytes_of(values: pa.Array) -> tuple["NDArray[np.uint8]", "NDArray[np.int64]"]:
    """All bytes, and where in them each value begins and the last one ends: (values + 1,)."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    count = len(values)
    buffers: list[Any] = values.buffers()
    if len(buffers) == 3:  # text and bytes: validity, offsets, content
        offsets = np.frombuffer(buffers[1] or bytes(4), np.int32)
        bounds = offsets[values.offset : values.offset + count + 1].astype(np.int64)
    else:
        bounds = (np.arange(count + 1) + values.offset) * (values.type.bit_width // 8)
    return np.frombuffer(buffers[-1] or b"", np.uint8), bounds
