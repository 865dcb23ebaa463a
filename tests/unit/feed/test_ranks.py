"""Several ranks, restarts and other numbers of ranks: one order, none lost, none twice."""

import json
import sys
from collections.abc import Iterator
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakemint
from lakemint.errors import ConfigError, LakemintError
from lakemint.feed import Loader, Split
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

ROWS = 61
worlds = st.sampled_from([1, 2, 3, 4, 8])
batch_sizes = st.integers(1, 20)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    config = config_of(tmp_path_factory.mktemp("feed"))
    publish(config, [row(index) for index in range(ROWS)] + [row(99, split="test")])
    return lakemint.open("notes@1", split="train", config=config)


def ranks(split: Split, world: int, batch_size: int, **options: Any) -> list[Loader]:
    return [split.loader(batch_size, rank=rank, world=world, **options) for rank in range(world)]


def steps(loaders: list[Loader]) -> Iterator[list[str]]:
    """What all ranks get at each step, in the order of the ranks."""
    for batches in zip_longest(*loaders):
        assert None not in batches, "a rank made fewer steps than another"
        yield [one for batch in batches for one in batch["sample_id"]]


def one_rank(split: Split, epochs: int, **options: Any) -> list[str]:
    loader = split.loader(rank=0, world=1, **options)
    return [one for _ in range(epochs) for step in steps([loader]) for one in step]


@settings(max_examples=40)
@given(world=worlds, batch_size=batch_sizes, seed=st.integers(0, 3), shuffle=st.booleans())
def test_ranks_walk_the_order_of_one(
    split: Split, world: int, batch_size: int, seed: int, shuffle: bool
) -> None:
    loaders = ranks(split, world, batch_size, seed=seed, shuffle=shuffle)
    taken = [*steps(loaders)]
    assert [one for step in taken for one in step] == one_rank(split, 1, seed=seed, shuffle=shuffle)
    assert len(taken) == len(loaders[0])


@settings(max_examples=40)
@given(world=worlds, batch_size=batch_sizes)
def test_without_the_last_step_all_batches_are_whole(split: Split, world: int, batch_size: int) -> None:
    loaders = ranks(split, world, batch_size, drop_last=True)
    sizes = {len(batch["sample_id"]) for loader in loaders for batch in loader}
    assert sizes <= {batch_size}
    taken = [one for step in steps(ranks(split, world, batch_size, drop_last=True)) for one in step]
    assert taken == one_rank(split, 1)[: ROWS - ROWS % (world * batch_size)]


lives = st.lists(st.tuples(worlds, batch_sizes, st.integers(0, 12)), min_size=1, max_size=6)
"""Of each: world, batch size, and after how many steps it dies."""


@settings(max_examples=50)
@given(lives=lives, seed=st.integers(0, 3), shuffle=st.booleans())
def test_killed_and_gone_on_with_by_others_it_is_one_walk(
    split: Split, lives: list[tuple[int, int, int]], seed: int, shuffle: bool
) -> None:
    """Over two epochs; who goes on has another number of ranks, and another batch size."""
    state, taken = split.loader(seed=seed, shuffle=shuffle, rank=0, world=1).state_dict(), list[str]()
    for number, (world, batch_size, most) in enumerate(lives, start=1):
        loaders = ranks(split, world, batch_size, seed=seed, shuffle=shuffle)
        for loader in loaders:
            loader.load_state_dict(json.loads(json.dumps(state)))
        is_last, made = number == len(lives), 0
        while loaders[0].epoch < 2 and (is_last or made < most):
            for step in steps(loaders):
                taken += step
                made += 1
                states = [loader.state_dict() for loader in loaders]
                assert states == states[:1] * world
                state = states[0]
                if not is_last and made >= most:
                    break
    assert taken == one_rank(split, 2, seed=seed, shuffle=shuffle)
    assert len(json.dumps(state)) < 1024


def test_a_loop_that_was_left_goes_on_and_the_next_is_the_next_epoch(split: Split) -> None:
    loader, whole = split.loader(10, seed=5), one_rank(split, 2, seed=5)
    first = [one for one in next(iter(loader))["sample_id"]]
    rest = [one for batch in loader for one in batch["sample_id"]]
    assert first + rest == whole[:ROWS]
    assert loader.epoch == 1
    assert [one for batch in loader for one in batch["sample_id"]] == whole[ROWS:]
    loader.epoch = 1
    assert [one for batch in loader for one in batch["sample_id"]] == whole[ROWS:]


def test_a_state_saved_in_the_last_step_begins_the_next_epoch(split: Split) -> None:
    loader = split.loader(ROWS)
    for _ in loader:
        state = loader.state_dict()
    assert (state["epoch"], state["position"]) == (1, 0)
    assert state == loader.state_dict()


def test_more_ranks_than_rows_make_the_same_step(split: Split) -> None:
    loaders = ranks(split, 2 * ROWS, 1)
    sizes = [[len(batch["sample_id"]) for batch in loader] for loader in loaders]
    assert {len(one) for one in sizes} == {1}
    assert sorted(one for size in sizes for one in size) == [0] * ROWS + [1] * ROWS
    empty = next(batch for loader in ranks(split, 2 * ROWS, 1) for batch in loader if not len(batch["label"]))
    assert list(empty) == split.schema.names


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digest": "0" * 64}, "notes@1 with the digest '000"),
        ({"split": "test"}, "with the split 'test'"),
        ({"seed": 2}, "with the seed 2"),
        ({"shuffle": False}, "with the shuffle False"),
        ({"algorithm": "lakemint.order/9"}, "lakemint.order/9"),
        ({"format": "lakemint.feed-state/9"}, "newer Lakemint"),
        ({"position": ROWS + 1}, f"its position is {ROWS + 1}, 0 to {ROWS} fit"),
        ({"position": -1}, "damaged"),
        ({"position": True}, "damaged"),
        ({"epoch": "0"}, "damaged"),
        ({"epoch": None}, "damaged"),
    ],
)
def test_the_state_of_another_order_is_refused(split: Split, change: dict[str, Any], words: str) -> None:
    loader = split.loader(seed=1)
    with pytest.raises(LakemintError, match=words):
        loader.load_state_dict({**loader.state_dict(), **change})


@pytest.mark.parametrize("state", [None, [], "x", {}])
def test_what_is_no_state_is_refused(split: Split, state: Any) -> None:
    with pytest.raises(LakemintError, match="no state of a loader"):
        split.loader().load_state_dict(state)


def test_ranks_are_found(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(**given: int) -> tuple[int, int]:
        loader = split.loader(**given)  # type: ignore[arg-type]
        return loader.rank, loader.world

    assert found() == (0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert found() == (2, 3)
    assert found(rank=0, world=1) == (0, 1)
    distributed = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_rank=lambda: 1,
        get_world_size=lambda: 4,
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", distributed)
    assert found() == (1, 4)


def test_ranks_that_cannot_be_are_refused(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LakemintError, match="rank 3 of 3: ranks are 0 to 2"):
        split.loader(rank=3, world=3)
    with pytest.raises(LakemintError, match="both rank and world"):
        split.loader(rank=1)
    monkeypatch.setenv("RANK", "one")
    with pytest.raises(ConfigError, match="RANK=one and WORLD_SIZE=None"):
        split.loader()
