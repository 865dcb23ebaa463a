"""Batches for PyTorch: the tensors, and a state that says what was handed out, whoever read ahead."""

import json
import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

import lakemint
from lakemint.config import Config
from lakemint.errors import IntegrityError, LakemintError
from lakemint.feed import Loader, Mixture, Split, Stage
from lakemint.feed.arrays import Arrays
from lakemint.feed.torch import Batches, tensors
from tests.unit.small_version import COLUMNS, publish, row
from tests.unit.small_version import settings as config_of

ROWS, BATCH = 100, 7


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = config_of(tmp_path_factory.mktemp("feed"))
    publish(config, [row(index) for index in range(ROWS)])
    return config


@pytest.fixture(scope="module")
def train(config: Config) -> Split:
    return lakemint.open("notes@1", split="train", config=config)


def batches(train: Split, workers: int = 0, batch_size: int = BATCH, **options: Any) -> Batches:
    return Batches(train.loader(batch_size, seed=3, window=2), num_workers=workers, **options)


def ids(batches: Any, most: int = ROWS) -> list[str]:
    """Of the next epoch, or so many batches of it."""
    found: list[str] = []
    for number, batch in enumerate(batches, start=1):
        found += batch["sample_id"]
        if number == most:
            break
    return found


def epochs(train: Split, count: int) -> list[list[str]]:
    """As the loader itself has them."""
    loader = train.loader(BATCH, seed=3, window=2)
    return [[one for batch in loader for one in batch["sample_id"].tolist()] for _ in range(count)]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_no_epoch(train: Split, workers: int) -> None:
    found = batches(train, workers)
    assert [ids(found) for _ in range(3)] == epochs(train, 3)
    assert len(found) == len([*found]) == 15


@pytest.mark.parametrize(("workers", "stay"), [(0, False), (2, False), (2, True)])
def test_a_loop_that_was_left_goes_on_with_what_was_not_handed_out(
    train: Split, workers: int, stay: bool
) -> None:
    found, (first, second) = batches(train, workers, persistent_workers=stay), epochs(train, 2)
    assert ids(found, 4) + ids(found, 1) + ids(found) == first
    assert ids(found) == second


def test_the_state_fits_any_other_number_of_workers_and_the_loader_itself(train: Split) -> None:
    (whole,), one = epochs(train, 1), batches(train, 3)
    first = ids(one, 5)
    state = json.loads(json.dumps(one.state_dict()))
    assert (state["position"], len(json.dumps(state)) < 1024) == (35, True)
    other = batches(train, 1, batch_size=11)
    other.load_state_dict(state)
    assert first + ids(other) == whole
    loader = train.loader(BATCH, seed=3, window=2)
    loader.load_state_dict(state)
    assert first + [one for batch in loader for one in batch["sample_id"]] == whole
    with pytest.raises(LakemintError, match="with the seed 3"):
        Batches(train.loader(seed=4)).load_state_dict(state)


@pytest.mark.parametrize(("workers", "after"), [(0, 2), (2, 0)])
def test_torchdata_saves_and_loads_the_state(train: Split, workers: int, after: int) -> None:
    first, second = epochs(train, 2)
    stateful = StatefulDataLoader(batches(train, workers), batch_size=None)
    taken = ids(stateful, 6)
    state = json.loads(json.dumps(stateful.state_dict()))
    other = StatefulDataLoader(batches(train, after), batch_size=None)
    other.load_state_dict(state)
    assert taken + ids(other) == first
    last = StatefulDataLoader(batches(train), batch_size=None)
    last.load_state_dict(other.state_dict())
    assert ids(last) == second == ids(other)


def test_torchs_own_dataloader_has_the_same_batches(train: Split) -> None:
    plain = DataLoader(batches(train, 2), batch_size=None)
    assert [ids(plain) for _ in range(2)] == epochs(train, 2)


@pytest.mark.parametrize("around", [DataLoader, StatefulDataLoader])
def test_workers_that_would_lose_the_state_are_refused(train: Split, around: Any) -> None:
    with pytest.raises(LakemintError, match="give num_workers to Batches"):
        next(iter(around(batches(train), batch_size=None, num_workers=1)))


def test_a_process_that_is_no_fork_opens_the_version_itself(train: Split) -> None:
    assert ids(batches(train, 1, multiprocessing_context="spawn"), 2) == epochs(train, 1)[0][: 2 * BATCH]


def test_a_transform_is_done_by_the_workers_and_draws_the_same_in_any(train: Split) -> None:
    def drawn(workers: int) -> list[Any]:
        loader = train.loader(BATCH, seed=3, window=2, transform=worker_and_draws)
        return [*Batches(loader, num_workers=workers)]

    none, two = drawn(0), drawn(2)
    assert {batch["worker"] for batch in none} == {-1}
    assert {batch["worker"] for batch in two} == {0, 1}
    assert [batch["draws"].tolist() for batch in none] == [batch["draws"].tolist() for batch in two]
    assert sum(len(batch["draws"]) for batch in two) == ROWS


def worker_and_draws(_batch: Arrays, seeds: Any) -> dict[str, Any]:
    info = torch.utils.data.get_worker_info()
    return {"worker": info.id if info else -1, "draws": seeds.astype("int64")}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mixture_is_the_same_for_any_number_of_workers(train: Split, workers: int) -> None:
    def mixture() -> Mixture:
        return Mixture({"a": train, "b": train}, [Stage({"a": 3, "b": 1}, 200)], BATCH, seed=4)

    alone = [one for batch in mixture() for one in batch["sample_id"]]
    found = Batches(mixture(), num_workers=workers)
    first = ids(found, 5)
    state = json.loads(json.dumps(found.state_dict()))
    other = Batches(mixture(), num_workers=2 - workers)
    other.load_state_dict(state)
    assert first + ids(other, 200) == alone
    assert first + ids(found, 200) == alone
    with pytest.raises(TypeError):
        len(found)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_receipt_tells_what_was_handed_out_not_what_was_read_ahead(tmp_path: Path, workers: int) -> None:
    config = config_of(tmp_path)
    publish(config, [row(index) for index in range(ROWS)])
    split = lakemint.open("notes@1", split="train", config=config)
    with lakemint.run("exp-7") as run:
        ids(Batches(split.loader(BATCH, seed=3, run=run), num_workers=workers), 3)
    (receipt,) = (tmp_path / "lake").rglob("receipts/*/*.json")
    assert json.loads(receipt.read_text())["ranges"] == [[0, 3 * BATCH]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loop_that_knows_its_length_is_followed_by_the_next_epoch(train: Split, workers: int) -> None:
    found = batches(train, workers)
    assert [ids(found, len(found)) for _ in range(2)] == epochs(train, 2)
    assert found.state_dict()["epoch"] == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_corrupt_shard_is_named_and_the_state_stays_before_it(tmp_path: Path, workers: int) -> None:
    config = config_of(tmp_path)
    publish(config, [row(index) for index in range(ROWS)])
    shards = sorted((tmp_path / "lake").rglob("shards/*.arrow"))
    shards[1].write_bytes(b"x" * shards[1].stat().st_size)
    loader = lakemint.open("notes@1", split="train", config=config).loader(5, seed=1, window=1)
    found = list[str]()
    given = Batches(loader, num_workers=workers)
    with pytest.raises(IntegrityError, match=shards[1].name):
        for batch in given:
            found += batch["sample_id"]
    assert given.state_dict()["position"] == len(found) < ROWS


TYPED = (
    *COLUMNS,
    ("count", "int32"),
    ("score", "double"),
    ("small", "float"),
    ("good", "bool"),
    ("day", "date32[day]"),
    ("at", "timestamp[us, tz=UTC]"),
    ("image", "binary"),
)


@pytest.fixture
def typed(tmp_path: Path) -> Loader:
    config = config_of(tmp_path)
    when = datetime(2026, 11, 23, 12, 0, 0, 5, UTC)
    values: dict[str, Any] = {
        "count": 7,
        "small": 0.5,
        "day": date(1970, 1, 3),
        "at": when,
        "image": b"\x00\xff",
    }
    rows = [row(index, **values, score=index and 0.25, good=index == 1) for index in range(3)]
    publish(config, [*rows, row(3, **values, score=None, good=True)], TYPED)
    split = lakemint.open("notes@1", split="train", config=config)
    return split.loader(4, shuffle=False)


def test_a_batch_is_tensors_of_its_columns_types(typed: Loader) -> None:
    (found,), (batch,) = Batches(typed), typed.arrow()
    rows = batch.to_pylist()
    assert list(found) == [name for name, _ in TYPED]
    for name in ("sample_id", "text", "image"):
        assert found[name] == [one[name] for one in rows]
    kinds = {name: value.dtype for name, value in found.items() if isinstance(value, torch.Tensor)}
    assert kinds == {
        "stars": torch.int64,
        "count": torch.int32,
        "score": torch.float64,
        "small": torch.float32,
        "good": torch.bool,
        "day": torch.int64,
        "at": torch.int64,
    }
    for name in ("stars", "count", "small", "good"):
        assert found[name].tolist() == [one[name] for one in rows]
    assert found["day"].tolist() == [2] * 4
    assert found["at"].tolist() == [1795435200000005] * 4
    scores = [one["score"] for one in rows]
    assert torch.isnan(found["score"]).tolist() == [score is None for score in scores]


def test_numbers_are_not_copied(typed: Loader) -> None:
    (batch,) = typed
    found = tensors(batch)
    for name in ("stars", "count", "small"):
        assert found[name].data_ptr() == batch[name].ctypes.data


def test_rows_of_numbers_are_tensors_of_two_dimensions(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    tokens = (*COLUMNS, ("tokens", "binary"))
    publish(config, [row(one, tokens=np.full(5, one, "<u2").tobytes()) for one in range(9)], tokens)
    split = lakemint.open("notes@1", split="train", config=config)
    for batch in Batches(split.loader(4, columns=["tokens", "stars"], numbers={"tokens": "uint16"})):
        assert (batch["tokens"].dtype, batch["tokens"].shape[1]) == (torch.uint16, 5)
        assert batch["tokens"][:, 0].tolist() == batch["stars"].tolist()


def test_whoever_writes_into_a_tensor_harms_no_shard(train: Split) -> None:
    for batch in batches(train):
        batch["stars"].zero_()
    assert sorted(one for batch in batches(train) for one in batch["stars"].tolist()) == [*range(ROWS)]


def test_nulls_that_no_tensor_holds_are_refused_and_a_column_can_be_left_out(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    publish(config, [row(0), row(1, stars=None)])
    split = lakemint.open("notes@1", split="train", config=config)
    with pytest.raises(LakemintError, match=r"column stars: 1 of 2 values are null, and no tensor holds"):
        next(iter(Batches(split.loader(2))))
    (batch,) = Batches(split.loader(2, shuffle=False, columns=["label", "text"]))
    assert {name: sorted(values) for name, values in batch.items()} == {
        "label": ["a", "b"],
        "text": ["text 0", "text 1"],
    }


RANK = """
import sys
import lakemint
from lakemint.feed.torch import Batches

if __name__ == "__main__":
    train = lakemint.open("notes@1", split="train").loader(8)
    batches = Batches(train, num_workers=2, multiprocessing_context=sys.argv[1])
    next(iter(batches))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_whose_rank_dies_before_they_begin_do_not_stay(tmp_path: Path, method: str) -> None:
    """These take seconds to begin: they import torch first."""
    config = config_of(tmp_path)
    publish(config, [row(index) for index in range(30)])
    (tmp_path / "rank.py").write_text(RANK)
    own = {"LAKEMINT_LAKE": config.lake, "LAKEMINT_CACHE": config.cache}
    rank = psutil.Popen([sys.executable, tmp_path / "rank.py", method], env={**os.environ, **own})
    others = 2 if method == "forkserver" else 1  # which a server forks; and one keeps track of resources
    while len(workers := rank.children(recursive=True)) < others + 2:
        assert rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE
        time.sleep(0.01)
    rank.kill()
    rank.wait()
    _, left = psutil.wait_procs(workers, timeout=60)
    assert not left
