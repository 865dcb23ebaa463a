"""Mixtures: exact proportions, one order for any number of ranks, each source as its own loader has it."""

import json
from collections import Counter
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.errors import LakemintError
from lakemint.feed import Mixture, Split, Stage
from lakemint.feed.blend import Blend, Stages, parts_of
from lakemint.feed.manifest import Shard

SCHEMA = pa.schema([("sample_id", pa.string())])
NAMES = ("web", "code", "talk")


def split_of(name: str, shards: int, rows: int) -> Split:
    held = tuple(Shard(f"{number:064x}", 1, rows) for number in range(shards))

    def read(shard: Shard) -> pa.RecordBatch:
        ids = [{"sample_id": f"{name}/{int(shard.sha256, 16)}/{row}"} for row in range(rows)]
        return pa.RecordBatch.from_pylist(ids, SCHEMA)

    digest = name.encode().hex().rjust(64, "0")
    return Split(f"{name}@1/train", digest, held, SCHEMA, read)


SOURCES = {"web": split_of("web", 7, 30), "code": split_of("code", 1, 30), "talk": split_of("talk", 3, 17)}
WEIGHTS = {"web": 0.5, "code": 0.3, "talk": 0.2}
parts = st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any)


def taken(mixture: Mixture, examples: int) -> list[str]:
    """At least so many of the next ones."""
    found: list[str] = []
    while len(found) < examples:
        for batch in mixture:
            found += batch["sample_id"].tolist()
            if len(found) >= examples:
                break
    return found


@given(parts, st.binary(max_size=3), st.integers(0, 5))
def test_every_cycle_has_each_source_as_often_as_its_part_says(some: list[int], key: bytes, at: int) -> None:
    cycle = sum(some)
    blend = Blend(some, key)
    sources, turns = blend(np.arange(at * cycle, (at + 1) * cycle, dtype=np.uint64))
    assert np.bincount(sources, minlength=len(some)).tolist() == some
    for source, part in enumerate(some):
        assert turns[sources == source].tolist() == list(range(at * part, (at + 1) * part))


@given(parts, st.integers(0, 200), st.integers(0, 40))
def test_a_part_is_that_part_of_the_whole_and_what_came_before_is_known(
    some: list[int], begin: int, count: int
) -> None:
    blend = Blend(some, b"k")
    whole = blend(np.arange(begin + count, dtype=np.uint64))
    part = blend(np.arange(begin, begin + count, dtype=np.uint64))
    for mine, all_of_them in zip(part, whole, strict=True):
        assert mine.tolist() == all_of_them[begin:].tolist()
    assert blend.before(begin).tolist() == np.bincount(whole[0][:begin], minlength=len(some)).tolist()


@given(
    st.lists(st.tuples(parts.filter(lambda some: len(some) == 3), st.integers(1, 30)), min_size=1, max_size=4)
)
def test_stages_follow_each_other_and_each_source_goes_on_where_it_was(
    told: list[tuple[list[int], int]],
) -> None:
    stages = [Stage(dict(zip(NAMES, some, strict=True)), length) for some, length in told]
    whole = Stages(stages, NAMES)
    assert whole.examples == sum(length for _, length in told)
    sources, turns = whole(np.arange(whole.examples, dtype=np.uint64))
    for source in range(3):
        assert turns[sources == source].tolist() == list(range(int((sources == source).sum())))
    begin = 0
    for some, length in told:
        assert whole.before(begin).tolist() == np.bincount(sources[:begin], minlength=3).tolist()
        assert {*sources[begin : begin + length].tolist()} <= {at for at in range(3) if some[at]}
        begin += length


@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 40), min_size=1).filter(
        lambda one: any(one.values())
    )
)
def test_parts_are_the_smallest_whole_numbers_in_the_proportions_of_the_weights(
    weights: dict[str, int],
) -> None:
    found = parts_of({name: weight / 8 for name, weight in weights.items()}, NAMES)
    total = sum(weights.values())
    assert [Fraction(one, sum(found)) for one in found] == [
        Fraction(weights.get(name, 0), total) for name in NAMES
    ]
    assert np.gcd.reduce(found) == 1


@settings(max_examples=10)
@given(
    world=st.integers(1, 4), batch_size=st.integers(1, 40), window=st.integers(1, 3), seed=st.integers(0, 2)
)
def test_ranks_walk_the_order_of_one(world: int, batch_size: int, window: int, seed: int) -> None:
    options: dict[str, Any] = {"seed": seed, "window": window}
    one = taken(Mixture(SOURCES, WEIGHTS, 9, rank=0, world=1, **options), 150)
    ranks = [
        Mixture(SOURCES, WEIGHTS, batch_size, rank=rank, world=world, **options) for rank in range(world)
    ]
    steps = zip(*ranks, strict=True)
    found = [
        example
        for step in islice(steps, -(-150 // (batch_size * world)))
        for batch in step
        for example in batch["sample_id"]
    ]
    assert found[:150] == one[:150]


def test_each_source_comes_epoch_after_epoch_as_its_own_loader_has_it() -> None:
    found = taken(Mixture(SOURCES, WEIGHTS, 10, seed=3), 700)
    assert all(
        Counter(one.split("/")[0] for one in found[at : at + 10]) == {"web": 5, "code": 3, "talk": 2}
        for at in range(0, 700, 10)
    )
    for name, split in SOURCES.items():
        own = [one for one in found if one.startswith(name)]
        loader = split.loader(1, seed=3, rank=0, world=1)
        alone = [one for _ in range(20) for batch in loader for one in batch["sample_id"]]
        assert own == alone[: len(own)]
        assert len(own) > 1.5 * len(split), "no second epoch was seen"


@settings(max_examples=10)
@given(first=st.integers(1, 30), later=st.integers(1, 30), world=st.integers(1, 3), steps=st.integers(1, 9))
def test_it_goes_on_where_it_was_with_any_batch_size_and_ranks(
    first: int, later: int, world: int, steps: int
) -> None:
    whole = taken(Mixture(SOURCES, WEIGHTS, 64), 600)
    mixture = Mixture(SOURCES, WEIGHTS, first)
    for _ in zip(range(steps), mixture, strict=False):
        pass
    state = json.loads(json.dumps(mixture.state_dict()))
    assert len(json.dumps(state)) < 1000
    ranks = [Mixture(SOURCES, WEIGHTS, later, rank=rank, world=world) for rank in range(world)]
    for rank in ranks:
        rank.load_state_dict(state)
    found = [one for batch in next(zip(*ranks, strict=True)) for one in batch["sample_id"]]
    assert found == whole[steps * first :][: later * world]


def test_a_mixture_of_stages_ends_with_the_last_one() -> None:
    stages = [Stage({"web": 1}, 12), Stage({"code": 1, "talk": 2}, 9)]
    mixture = Mixture(SOURCES, stages, 5)
    found = [one.split("/")[0] for batch in mixture for one in batch["sample_id"]]
    assert found[:12] == ["web"] * 12
    assert Counter(found[12:]) == {"code": 3, "talk": 6}
    assert [*mixture] == []


@pytest.mark.parametrize(
    ("sources", "weights", "said"),
    [
        ({}, {}, "a mixture needs a source"),
        (SOURCES, {"web": 1, "books": 2}, "there is no source 'books'; there are web, code, talk"),
        (SOURCES, {"web": -1, "code": 2}, "weights: each must be 0 or more"),
        (SOURCES, {"web": 0}, "one at least above 0"),
        (SOURCES, {"web": float("nan")}, "write numbers, as 0.7 and 0.3"),
        (SOURCES, {"web": 0.123456789, "code": 0.5}, "round them, so that 10,000 are enough"),
        (SOURCES, [], "a mixture needs weights"),
        (SOURCES, [Stage({"web": 1}, 0)], "a stage of 0 examples"),
        (
            SOURCES,
            [Stage({"web": 1}), Stage({"code": 1}, 5)],
            "a stage without an end is followed by another",
        ),
        (
            {**SOURCES, "none": split_of("none", 0, 0)},
            {"web": 1},
            "source none: none@1/train has no examples",
        ),
    ],
)
def test_what_cannot_be_is_told(sources: dict[str, Split], weights: Any, said: str) -> None:
    with pytest.raises(LakemintError) as error:
        Mixture(sources, weights)
    assert said in str(error.value)


def test_a_state_of_another_mixture_or_of_a_loader_is_refused() -> None:
    mixture = Mixture(SOURCES, WEIGHTS)
    for other in (Mixture(SOURCES, {"web": 1}), Mixture(SOURCES, WEIGHTS, seed=1)):
        with pytest.raises(LakemintError, match="of a mixture of other versions"):
            mixture.load_state_dict(other.state_dict())
    for wrong in (SOURCES["web"].loader().state_dict(), {}, "x"):
        with pytest.raises(LakemintError, match="no state of a loader of this kind"):
            mixture.load_state_dict(wrong)  # type: ignore[arg-type]
    with pytest.raises(LakemintError, match="its position is -1"):
        mixture.load_state_dict({**mixture.state_dict(), "position": -1})
    mixture.load_state_dict(Mixture(SOURCES, {"web": 5, "code": 3, "talk": 2}).state_dict())


def test_columns_that_differ_are_told_and_common_ones_can_be_chosen() -> None:
    wide = pa.schema([("sample_id", pa.string()), ("stars", pa.int64())])
    shard = Shard("ab" * 32, 1, 1)
    other = Split(
        "other@1/train",
        "cd" * 32,
        (shard,),
        wide,
        lambda _: pa.RecordBatch.from_pylist([{"sample_id": "other/0/0", "stars": 1}], wide),
    )
    sources = {"web": SOURCES["web"], "other": other}
    with pytest.raises(LakemintError, match=r"web and other have other columns.*name those to read"):
        Mixture(sources, {"web": 1, "other": 1})
    batch = next(iter(Mixture(sources, {"web": 1, "other": 1}, 4, columns=["sample_id"])))
    assert Counter(one.split("/")[0] for one in batch["sample_id"]) == {"web": 2, "other": 2}
