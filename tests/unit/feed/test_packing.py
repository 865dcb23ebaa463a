"""Packing: every token is there once, in rows of one length, with few of them empty."""

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.errors import LakemintError
from lakemint.feed import Split
from lakemint.feed.arrays import Arrays
from lakemint.feed.manifest import Shard
from lakemint.feed.packing import SEGMENTS, Packing

SEEDS = np.zeros(0, np.uint64)


def batch_of(samples: list[list[int]]) -> Arrays:
    tokens = np.array([np.array(one, np.uint16).tobytes() for one in samples] + [None], object)[:-1]
    return {"tokens": tokens, "label": np.zeros(len(samples))}


def unpacked(packed: Arrays) -> list[tuple[int, ...]]:
    """The pieces that the rows hold, each as its positions order it."""
    found = []
    for tokens, segments, positions in zip(*packed.values(), strict=True):
        for segment in range(1, segments.max(initial=0) + 1):
            own = segments == segment
            assert positions[own].tolist() == list(range(own.sum()))
            assert np.diff(np.flatnonzero(own)).tolist() == [1] * (own.sum() - 1), (
                "a piece lies in one stretch"
            )
            found.append(tuple(tokens[own].tolist()))
        assert not tokens[segments == 0].any()
    return sorted(found)


samples = st.lists(st.lists(st.integers(1, 65_535), max_size=40), max_size=20)


@given(samples, st.integers(1, 17))
def test_every_token_is_there_once_and_only_what_is_longer_than_a_row_is_cut(
    some: list[list[int]], length: int
) -> None:
    packed = Packing("tokens", "uint16", length)(batch_of(some), SEEDS)
    pieces = [one[at : at + length] for one in some for at in range(0, len(one), length)]
    assert unpacked(packed) == sorted(map(tuple, pieces))
    assert {values.shape for values in packed.values()} == {(len(packed["tokens"]), length)}
    assert [str(values.dtype) for values in packed.values()] == ["uint16", "int32", "int32"]


@given(samples, st.integers(1, 17))
def test_no_two_rows_would_fit_into_one(some: list[list[int]], length: int) -> None:
    packed = Packing("tokens", "uint16", length)(batch_of(some), SEEDS)
    filled = sorted((packed[SEGMENTS] > 0).sum(axis=1).tolist())
    assert len(filled) < 2 or filled[0] + filled[1] > length


def test_of_texts_as_they_come_little_is_padding() -> None:
    """Lengths as documents have them: log-normal, with a mean of 600 tokens."""
    lengths = np.random.default_rng(5).lognormal(6, 1, 256).astype(int)
    packed = Packing("tokens", "uint16", 2048)(batch_of([[1] * length for length in lengths]), SEEDS)
    assert (packed[SEGMENTS] > 0).mean() > 0.98


def test_rows_can_be_as_many_as_a_compiled_step_wants() -> None:
    packing = pickle.loads(pickle.dumps(Packing("tokens", "uint16", 4, rows=3, padding=9)))  # noqa: S301
    packed = packing(batch_of([[1, 2], [3, 4, 5]]), SEEDS)
    assert packed["tokens"].tolist() == [[3, 4, 5, 9], [1, 2, 9, 9], [9, 9, 9, 9]]
    assert packed[SEGMENTS].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert len(packing(batch_of([[1]] * 40), SEEDS)["tokens"]) == 10


def test_a_loader_packs_each_batch_and_goes_on_as_it_would_without() -> None:
    schema = pa.schema([("tokens", pa.binary())])
    held = [bytes([1, 0]) * (row % 7) for row in range(100)]
    read = lambda _: pa.RecordBatch.from_pylist([{"tokens": one} for one in held], schema)  # noqa: E731
    split = Split("notes@1/train", "ab" * 32, (Shard("0" * 64, 1, 100),), schema, read)
    loader = split.loader(16, seed=2, transform=Packing("tokens", "uint16", 32))
    first = next(iter(loader))
    state = loader.state_dict()
    rest = [batch["tokens"].sum() for batch in loader]
    assert first["tokens"].sum() + sum(rest) == sum(len(one) for one in held) // 2
    loader.load_state_dict(state)
    assert [batch["tokens"].sum() for batch in loader] == rest


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("text", [b"ab"], "no column 'text' to pack; there are tokens"),
        ("tokens", [b"abc"], "b'abc' is no row of uint16"),
        ("tokens", [None], "None is no row of uint16"),
        ("tokens", ["text"], "text is no row of uint16"),
    ],
)
def test_what_cannot_be_packed_is_refused(column: str, values: list[Any], words: str) -> None:
    with pytest.raises(LakemintError, match=words):
        Packing(column, "uint16", 8)({"tokens": np.array(values, object)}, SEEDS)
    with pytest.raises(LakemintError, match="length is 0"):
        Packing(column, "uint16", 0)
