"""Shards are fetched ahead, no more than are needed soon, and what fails is told where it is needed."""

import threading

import pyarrow as pa
import pytest

from lakemint.errors import IntegrityError
from lakemint.feed import Split
from lakemint.feed.manifest import Shard

SHARDS, ROWS, WINDOW = 40, 5, 3
SCHEMA = pa.schema([("sample_id", pa.string())])


class Shelf:
    """Shards that know who asked for them."""

    def __init__(self, broken: int | None = None) -> None:
        self.asked: list[int] = []
        self._broken, self._lock = broken, threading.Lock()
        shards = tuple(Shard(f"{number:064x}", 1, ROWS) for number in range(SHARDS))
        self.split = Split("notes@1/train", "ab" * 32, shards, SCHEMA, self._read)

    def _read(self, shard: Shard) -> pa.RecordBatch:
        number = int(shard.sha256, 16)
        with self._lock:
            self.asked.append(number)
        if number == self._broken:
            raise IntegrityError(f"shard {number} is broken")
        return pa.RecordBatch.from_pylist([{"sample_id": f"{number}/{row}"} for row in range(ROWS)], SCHEMA)


def test_the_first_batch_asks_for_two_windows_of_shards_at_most() -> None:
    shelf = Shelf()
    walk = iter(shelf.split.loader(2, window=WINDOW))
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    assert 1 <= len(shelf.asked) <= 2 * WINDOW


def test_an_epoch_asks_for_each_shard_once() -> None:
    shelf = Shelf()
    found = [one for batch in shelf.split.loader(7, window=WINDOW) for one in batch["sample_id"]]
    assert len({*found}) == len(found) == SHARDS * ROWS
    assert sorted(shelf.asked) == list(range(SHARDS))


def test_going_on_late_in_an_epoch_asks_for_nothing_before() -> None:
    whole = Shelf()
    loader = whole.split.loader(1, window=WINDOW)
    for number, _ in enumerate(loader):
        if number == SHARDS * ROWS - 20:
            break
    late = Shelf()
    resumed = late.split.loader(1, window=WINDOW)
    resumed.load_state_dict(loader.state_dict())
    assert sum(1 for _ in resumed) == 19
    assert len(late.asked) <= 2 * WINDOW


def test_what_cannot_be_read_is_told_in_the_loop_and_nothing_of_it_is_handed_out() -> None:
    shelf, found = Shelf(broken=17), []
    with pytest.raises(IntegrityError, match="shard 17 is broken"):
        for batch in shelf.split.loader(1, window=WINDOW, shuffle=False):
            found += batch["sample_id"].tolist()
    assert found == [f"{shard}/{row}" for shard in range(17) for row in range(ROWS)]
