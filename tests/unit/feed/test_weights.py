"""Weighted orders: each example as often as it weighs, the same for any ranks, batches and restarts."""

import json
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from lakemint.errors import LakemintError, WeightsError
from lakemint.feed import Loader, Mixture, Split
from lakemint.feed.draws import Draws
from lakemint.feed.manifest import Shard

SCHEMA = pa.schema([("sample_id", pa.string()), ("label", pa.string()), ("weight", pa.float64())])


class Held:
    """Shards whose rows have these labels and weights."""

    def __init__(self, shards: Sequence[Sequence[tuple[str | None, float | None]]]) -> None:
        self._shards = shards

    def __call__(self, shard: Shard) -> pa.RecordBatch:
        number = int(shard.sha256, 16)
        rows = [(f"{number}/{at}", *one) for at, one in enumerate(self._shards[number])]
        return pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def split_of(shards: Sequence[Sequence[tuple[str | None, float | None]]]) -> Split:
    held = tuple(Shard(f"{number:064x}", 1, len(rows)) for number, rows in enumerate(shards))
    return Split("notes@1/train", "ab" * 32, held, SCHEMA, Held(shards))


labels = st.sampled_from(["good", "bad", "ugly"])
numbers = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.integers(1, 9).map(float))
splits = (
    st.lists(st.lists(st.tuples(labels, numbers), max_size=12), min_size=1, max_size=6)
    .filter(lambda shards: any(weight for rows in shards for _, weight in rows))
    .map(split_of)
)
MIXED = split_of([[("good" if row % 10 else "bad", 1 + row % 3) for row in range(50)] for _ in range(8)])


def rows_of(split: Split) -> list[dict[str, Any]]:
    return list(split.to_table().to_pylist())


def ids(loader: Loader | Mixture) -> Iterator[str]:
    for batch in loader:
        yield from batch["sample_id"].tolist()


@checks(max_examples=60)
@given(splits, st.integers(0, 5), st.booleans())
def test_an_epoch_has_each_example_as_often_as_its_share_rounded_up_or_down(
    split: Split, seed: int, shuffle: bool
) -> None:
    rows = rows_of(split)
    weighted = split.weighted("weight")
    places = sum(row["weight"] > 0 for row in rows)
    found = Counter(ids(weighted.loader(7, seed=seed, shuffle=shuffle, threads=0)))
    assert (weighted.places, found.total()) == (places, places)
    whole = sum(row["weight"] for row in rows)
    for row in rows:
        share = places * row["weight"] / whole
        assert share - 1 - 1e-6 < found[row["sample_id"]] < share + 1 + 1e-6
        assert row["weight"] or not found[row["sample_id"]]


def test_over_many_epochs_each_comes_exactly_so_often() -> None:
    """Each epoch's start is drawn anew, so what is rounded down in one is rounded up in another."""
    epochs, split = 400, MIXED.weighted("weight")
    found, places = np.zeros((8, 50)), np.arange(split.places, dtype=np.uint64)
    for epoch in range(epochs):
        np.add.at(found, split.way(split.order(3, True, 16), epoch).order(places), 1)
    weights = MIXED.to_table()["weight"].to_numpy().reshape(8, 50)
    off = found - epochs * split.places * weights / weights.sum()
    # A start at random makes of each row's broken part a coin: its spread is 0.5 an epoch at most.
    assert np.abs(off).max() < 5 * 0.5 * epochs**0.5
    assert abs(np.mean(off)) < 1e-9


def test_balanced_by_a_column_every_value_comes_equally_often() -> None:
    balanced = MIXED.balanced("label")
    for epoch in range(5):
        found = Counter(
            label for batch in balanced.loader(32, epoch=epoch) for label in batch["label"].tolist()
        )
        assert found.total() == 400
        assert abs(found["good"] - found["bad"]) <= 16


def test_of_weights_by_value_the_others_do_not_come_and_equal_ones_come_once() -> None:
    bad: Any = np.str_("bad")  # as an array's values are
    found = Counter(ids(MIXED.weighted("label", {bad: 5}).loader(16)))
    assert found == Counter(row["sample_id"] for row in rows_of(MIXED) if row["label"] == "bad")


def test_a_null_is_a_value_too() -> None:
    split = split_of([[(None, 1.0), ("good", 1.0), ("bad", 1.0)]])
    assert [*ids(split.weighted("label", {None: 1}).loader(4))] == ["0/0"]
    assert Counter(ids(split.balanced("label").loader(4))) == Counter(["0/0", "0/1", "0/2"])


@checks(max_examples=40)
@given(splits, st.data())
def test_ranks_batches_and_restarts_only_cut_the_one_order(split: Split, data: st.DataObject) -> None:
    weighted = split.weighted("weight")
    whole = [*ids(weighted.loader(1, seed=2, threads=0))]
    world, size = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    ranks = [weighted.loader(size, seed=2, rank=rank, world=world, threads=0) for rank in range(world)]
    found: list[str] = []
    steps = [iter(rank) for rank in ranks]
    for _ in range(data.draw(st.integers(0, len(ranks[0])))):
        for step in steps:
            found += next(step)["sample_id"].tolist()
    state = json.loads(json.dumps(ranks[0].state_dict()))
    assert len(json.dumps(state)) < 1024
    later = pickle.loads(pickle.dumps(weighted)).loader(3, seed=2, threads=0)  # noqa: S301  as a worker gets it
    later.load_state_dict(state)
    if state["epoch"] == 0:
        found += ids(later)
    assert found == whole


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=5).filter(any), st.integers(1, 200))
def test_a_place_is_where_its_point_lies_also_for_large_numbers(weights: list[int], places: int) -> None:
    scale = (2**62 - 1) // max(sum(weights), 1)
    whole = [weight * scale for weight in weights]
    draws = Draws(whole, places, lambda shard: np.array([whole[shard]]), 2, b"key", shuffle=False)
    shards, rows = draws(np.arange(places, dtype=np.uint64))
    assert not rows.any()
    counts = np.bincount(shards, minlength=len(whole)).tolist()
    assert all(
        abs(count * sum(whole) - places * one) < sum(whole) for count, one in zip(counts, whole, strict=True)
    )


def test_a_mixture_takes_weighted_sources_and_each_goes_on_as_its_own_loader() -> None:
    good, bad = MIXED.weighted("label", {"good": 1}), MIXED.weighted("label", {"bad": 1})
    mixture = Mixture({"good": good, "bad": bad}, {"good": 1, "bad": 1}, 10, seed=4)
    found: list[str] = []
    for _, batch in zip(range(8), mixture, strict=False):
        assert Counter(batch["label"].tolist()) == {"good": 5, "bad": 5}
        found += batch["sample_id"].tolist()
    own = [one for one in found if one in {*ids(bad.loader(5))}]
    loader = bad.loader(8, seed=4)
    assert own == [*ids(loader)]
    other = Mixture({"good": good, "bad": MIXED}, {"good": 1, "bad": 1}, 10, seed=4)
    with pytest.raises(LakemintError, match="other versions, splits, weights"):
        other.load_state_dict(mixture.state_dict())


def test_a_state_of_other_weights_is_refused() -> None:
    state = MIXED.weighted("weight").loader(4).state_dict()
    for other in (MIXED, MIXED.balanced("label"), MIXED.weighted("label", {"good": 1})):
        with pytest.raises(LakemintError, match="with other weights"):
            other.loader(4).load_state_dict(state)


def test_in_stored_order_all_rows_are_there() -> None:
    balanced = MIXED.balanced("label")
    assert balanced.to_table() == MIXED.to_table()
    assert repr(balanced) == "<lakemint split notes@1/train: 400 rows, 8 shards, weighted by label>"


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("labl", None, "no column 'labl'; there are sample_id, label, weight"),
        ("label", None, "it holds no numbers but string; tell what each value weighs"),
        ("label", {"goood": 1}, "no example of notes@1/train has 'goood'; there are 'bad', 'good'"),
        ("label", {"good": 0}, "no example has any"),
        ("label", {"good": -1}, "-1.0 is none; write numbers of 0 or more"),
        ("label", {"good": float("nan")}, "nan is none"),
        ("label", {"good": "much"}, "'much' is no number"),
        ("label", {b"good": 1}, "b'good' is no value of a column"),
        ("label", dict.fromkeys(range(1001), 1), "1,001 values, 1,000 at most"),
        ("weight", {1: 1}, "it holds double, and no kinds of examples"),
    ],
)
def test_what_cannot_weigh_is_refused(column: str, values: Any, words: str) -> None:
    with pytest.raises(WeightsError, match=words.replace("(", r"\(")):
        MIXED.weighted(column, values)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([-1.0], "-1.0 is none"),
        ([float("inf")], "inf is none"),
        ([None], "1 rows of a shard have none"),
        ([], "any"),
    ],
)
def test_numbers_that_are_no_weights_are_refused(weights: list[float | None], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        split_of([[("good", 1.0)] if weights else [], [("good", one) for one in weights]]).weighted("weight")


def test_too_many_values_cannot_be_balanced() -> None:
    split = split_of(
        [[(f"kind {row}", 1.0) for row in range(600)], [(f"sort {row}", 1.0) for row in range(600)]]
    )
    with pytest.raises(WeightsError, match="label has more than 1,000 values in notes@1/train"):
        split.balanced("label")
