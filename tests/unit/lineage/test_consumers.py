"""Which runs read a version: the parts of a run added up, and what cannot be read named."""

import json
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import VersionNotFound
from lakemint.lake import Lake
from lakemint.lineage.consumers import Consumer, Consumers, consumers
from lakemint.names import Reference
from lakemint.published.receipts import MAX_BYTES
from lakemint.store import open_store
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.small_version import DATASET, publish, row, settings

ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(50)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = settings(tmp_path)
    publish(config, ROWS)
    return config


def found(config: Config, number: int = 1) -> Consumers:
    return consumers(open_store(config), Lake(config.lake), Reference(DATASET, number))


def only(config: Config) -> Consumer:
    (one,) = found(config).found
    return one


def train(config: Config, steps: int, state: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """A process that reads so many batches of five, from a state on; where it was then."""
    split = lakemint.open("notes@1", "train", config=config)
    with lakemint.run("exp-7", model=options.pop("model", None)) as run:
        loader = split.loader(5, seed=1, run=run, **options)
        loader.load_state_dict(state or loader.state_dict())
        for _ in zip(range(steps), loader, strict=False):
            pass
        return loader.state_dict()


def test_parts_of_a_run_are_one_consumer_and_what_was_read_again_counts_once(config: Config) -> None:
    saved = train(config, 3)
    train(config, 4)  # from the beginning again, and one step further
    train(config, 2, saved, world=2, rank=0, model="models:/notes/1")
    one = only(config)
    assert len(one.receipts) == 3
    assert (one.ranges, one.epochs) == ([(0, 35)], 35 / 40)
    assert (one.plain()["world"], one.model, one.revision) == (2, "models:/notes/1", "present")


def test_another_seed_is_another_consumer(config: Config) -> None:
    train(config, 1)
    split = lakemint.open("notes@1", "train", config=config)
    with lakemint.run("exp-7") as run:
        list(split.loader(5, seed=2, run=run))
    assert sorted(one.epochs for one in found(config).found) == [0.125, 1.0]


def test_who_read_rows_that_were_erased_since_is_told_apart(config: Config) -> None:
    train(config, 2)
    erase(config, sought(ROWS[1], ROWS[2]))
    train(config, 8)
    told = [(one.revision, one.erased, one.plain()["examples"]) for one in found(config).found]
    assert sorted(told) == [("before an erasure", 2, 10), ("present", 0, 40)]


def test_only_runs_of_that_version_are_told(config: Config) -> None:
    train(config, 1)
    publish(config, [*ROWS, row(99)])
    assert found(config, 2).found == ()
    with pytest.raises(VersionNotFound, match="notes@1, notes@2"):
        found(config, 3)


def test_what_is_no_receipt_of_this_version_is_named_and_hides_no_other(config: Config) -> None:
    train(config, 1)
    store, lake = open_store(config), Lake(config.lake)
    (item,) = store.list(lake.receipts(DATASET, 1))
    record = json.loads(store.get(item.key))
    damaged = {
        "1": b"[" * 100_000,
        "2": b" " * (MAX_BYTES + 1),
        "3": json.dumps({**record, "version": 2}).encode(),
        "4": json.dumps({**record, "ranges": [[5, 3]]}).encode(),
        "5": json.dumps({**record, "format": "lakemint.receipt/9"}).encode(),
        "6": json.dumps({**record, "world": "many"}).encode(),
    }
    for name, data in damaged.items():
        store.put(lake.receipt(DATASET, 1, f"00000000-0000-4000-8000-00000000000{name}"), data)
    told = found(config)
    assert len(told.found) == 1
    words = ("receipt", "at most", "of notes@2", "ranges", "upgrade Lakemint", "world")
    assert len(told.unreadable) == len(words)
    for problem, name, word in zip(told.unreadable, damaged, words, strict=True):
        assert f"00000{name}.json" in problem
        assert word in problem


def test_a_manifest_that_the_version_never_had_is_no_revision_of_it(config: Config) -> None:
    train(config, 1)
    store, lake = open_store(config), Lake(config.lake)
    (item,) = store.list(lake.receipts(DATASET, 1))
    store.put(item.key, json.dumps({**json.loads(store.get(item.key)), "manifest": "f" * 64}).encode())
    assert only(config).revision == "unknown"
