"""Transforms: ahead of the loop, in its order, and with the same chance on any number of ranks."""

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lakemint.errors import LakemintError
from lakemint.feed import Split
from lakemint.feed.arrays import Arrays
from lakemint.feed.manifest import Shard

SHARDS, ROWS = 9, 7
SCHEMA = pa.schema([("sample_id", pa.string())])


def shelf(erased: tuple[int, ...] = ()) -> Split:
    """Shards 0, 1, … of which each lost the rows of these numbers."""
    shards = tuple(Shard(f"{number:064x}", 1, ROWS - len(erased), erased=erased) for number in range(SHARDS))
    left = [row for row in range(ROWS) if row not in erased]

    def read(shard: Shard) -> pa.RecordBatch:
        rows = [{"sample_id": f"{int(shard.sha256, 16)}/{row}"} for row in left]
        return pa.RecordBatch.from_pylist(rows, SCHEMA)

    return Split("notes@1/train", "ab" * 32, shards, SCHEMA, read)


def draw(batch: Arrays, seeds: NDArray[np.uint64]) -> Arrays:
    return {**batch, "drawn": np.array([np.random.default_rng(seed).random() for seed in seeds])}


def drawn(split: Split, world: int = 1, **options: Any) -> dict[str, float]:
    """What each example of an epoch drew."""
    found: dict[str, float] = {}
    for rank in range(world):
        for batch in split.loader(rank=rank, world=world, transform=draw, **options):
            found |= zip(batch["sample_id"].tolist(), batch["drawn"].tolist(), strict=True)
    return found


@settings(max_examples=40)
@given(
    world=st.integers(1, 5),
    batch_size=st.integers(1, 20),
    threads=st.integers(0, 3),
    shuffle=st.booleans(),
    epoch=st.integers(0, 2),
)
def test_an_example_draws_the_same_however_the_order_is_cut(
    world: int, batch_size: int, threads: int, shuffle: bool, epoch: int
) -> None:
    one = drawn(shelf(), shuffle=shuffle, epoch=epoch)
    assert len({*one.values()}) == len(one) == SHARDS * ROWS
    cut = drawn(shelf(), world, batch_size=batch_size, threads=threads, shuffle=shuffle, epoch=epoch)
    assert cut == one


def test_another_seed_or_epoch_draws_others_and_an_erasure_changes_none() -> None:
    split = shelf()
    one = drawn(split)
    for other in (drawn(split, seed=1), drawn(split, epoch=1)):
        assert not {*other.values()} & {*one.values()}
    left = drawn(shelf(erased=(2, 5)))
    assert len(left) == SHARDS * (ROWS - 2)
    assert left.items() <= one.items()


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_whoever_goes_on_from_the_state_gets_what_would_have_come(threads: int) -> None:
    whole = [batch["drawn"].tolist() for batch in shelf().loader(4, transform=draw, threads=threads)]
    loader = shelf().loader(4, transform=draw, threads=threads)
    for _ in zip(range(3), loader, strict=False):
        pass
    resumed = shelf().loader(4, transform=draw, threads=threads)
    resumed.load_state_dict(loader.state_dict())
    assert [batch["drawn"].tolist() for batch in resumed] == whole[3:]


def test_batches_are_made_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60)

    def meet(batch: Arrays, seeds: NDArray[np.uint64]) -> Arrays:
        together.wait()
        return batch

    batches = shelf().loader(7, transform=meet, threads=3, shuffle=False)
    found = [one for batch in batches for one in batch["sample_id"]]
    assert found == [f"{shard}/{row}" for shard in range(SHARDS) for row in range(ROWS)]


def test_without_threads_all_is_done_by_who_asks() -> None:
    def here(batch: Arrays, seeds: NDArray[np.uint64]) -> Arrays:
        return {"thread": np.array([threading.get_ident()] * len(seeds))}

    batches = shelf().loader(7, transform=here, threads=0)
    assert {one for batch in batches for one in batch["thread"]} == {threading.get_ident()}
    with pytest.raises(LakemintError, match="threads is -1; it must be at least 0"):
        shelf().loader(threads=-1)


@pytest.mark.parametrize("threads", [0, 2])
def test_a_mistake_of_the_transform_is_told_at_its_batch_and_leaves_no_thread(threads: int) -> None:
    def picky(batch: Arrays, seeds: NDArray[np.uint64]) -> Arrays:
        if "4/3" in batch["sample_id"]:
            raise ZeroDivisionError("4/3")
        return batch

    found: list[str] = []
    loader = shelf().loader(ROWS, transform=picky, threads=threads, shuffle=False)
    with pytest.raises(ZeroDivisionError):
        for batch in loader:
            found += batch["sample_id"].tolist()
    assert found == [f"{shard}/{row}" for shard in range(4) for row in range(ROWS)]
    assert loader.state_dict()["position"] == 4 * ROWS
    for thread in threading.enumerate():
        if thread.name.startswith("lakemint-"):
            thread.join(60)
            assert not thread.is_alive()
