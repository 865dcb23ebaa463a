"""Batches: none lost, none twice, in an order that the batch size only cuts."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakemint
from lakemint.errors import LakemintError
from lakemint.feed import Split
from lakemint.feed.arrays import Arrays
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

ROWS = 100


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    config = config_of(tmp_path_factory.mktemp("feed"))
    publish(config, [row(index, stars=None if index == 3 else index) for index in range(ROWS)])
    return lakemint.open("notes@1", split="train", config=config)


def ids(split: Split, **options: int | bool) -> list[str]:
    return [name for batch in split.loader(**options) for name in batch["sample_id"]]  # type: ignore[arg-type]


@given(batch_size=st.integers(1, 2 * ROWS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_does_not_depend_on_the_batch_size(train: Split, batch_size: int) -> None:
    assert ids(train, batch_size=batch_size, seed=5) == ids(train, batch_size=ROWS, seed=5)
    assert len(train.loader(batch_size)) == len(list(train.loader(batch_size)))


def test_an_epoch_has_every_row_once_with_its_own_values(train: Split) -> None:
    stored = {r["sample_id"]: r for batch in train for r in batch.to_pylist()}
    shuffled = [r for batch in train.loader(7, seed=1).arrow() for r in batch.to_pylist()]
    assert len(shuffled) == len(stored) == ROWS
    assert all(stored[r["sample_id"]] == r for r in shuffled)
    assert shuffled != list(stored.values())


def test_seed_and_epoch_change_the_order_and_repeat_it(train: Split) -> None:
    assert ids(train, seed=1, epoch=0) == ids(train, seed=1, epoch=0)
    assert len({tuple(ids(train, seed=s, epoch=e)) for s in (0, 1) for e in (0, 1)}) == 4


def test_a_batch_is_a_dict_of_arrays(train: Split) -> None:
    batch = next(iter(train.loader(ROWS, shuffle=False)))
    assert list(batch) == ["sample_id", "text", "stars", "label"]
    first = next(iter(train)).to_pylist()[0]
    assert {name: values[0] for name, values in batch.items()} == first
    assert batch["stars"].dtype == object  # floats, as pandas has it, do not hold every integer
    assert [value for value in batch["stars"] if not isinstance(value, int)] == [None]


def test_without_shuffling_rows_come_as_stored(train: Split) -> None:
    stored = train.to_table()["sample_id"].to_pylist()
    assert ids(train, shuffle=False, batch_size=9) == stored
    assert [i for b in train.batches(9) for i in b["sample_id"].to_pylist()] == stored
    assert max(batch.num_rows for batch in train.batches(9)) == 9


def test_drop_last_leaves_out_the_short_batch(train: Split) -> None:
    sizes = [len(batch["text"]) for batch in train.loader(30, drop_last=True)]
    assert sizes == [30, 30, 30]
    assert ids(train, batch_size=30, drop_last=True) == ids(train)[:90]


def test_stored_order_is_by_shard_then_sample_id(train: Split) -> None:
    for batch in train:
        found = batch["sample_id"].to_pylist()
        assert found == sorted(found)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_one_is_refused(train: Split, size: int) -> None:
    with pytest.raises(LakemintError, match="batch_size"):
        train.loader(size)
    with pytest.raises(LakemintError, match="batch_size"):
        list(train.batches(size))


def test_an_empty_split_has_no_batches_but_a_schema(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    publish(config, [row(1)])
    test = lakemint.open("notes@1", config=config)["test"]
    assert len(test) == 0
    assert list(test) == list(test.loader()) == []
    assert len(test.loader()) == 0
    assert test.to_table().schema.names == ["sample_id", "text", "stars", "label"]


def test_integers_beside_nulls_stay_what_they_are(tmp_path: Path) -> None:
    large = 2**53 + 1
    config = config_of(tmp_path)
    publish(config, [row(0, stars=large), row(1, stars=None)])
    (batch,) = lakemint.open("notes@1", config=config)["train"].loader(batch_size=2, shuffle=False)
    assert set(batch["stars"].tolist()) == {large, None}


def test_metrics_tell_whether_the_loop_waits(train: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on while a batch is transformed, and while it is trained on."""
    now = [0.0]

    def slow(batch: Arrays, _seeds: Any) -> Arrays:
        now[0] += 3
        return batch

    monkeypatch.setattr("lakemint.feed.stream.time.perf_counter", lambda: now[0])
    loader = train.loader(8, transform=slow, threads=0)
    assert loader.metrics() == {"batches": 0, "waited": 0, "looped": 0, "waiting": 0}
    for _ in loader:
        now[0] += 1
    steps = len(loader)
    assert loader.metrics() == {"batches": steps, "waited": 3 * steps, "looped": steps, "waiting": 0.75}
