"""What a training run leaves in the lake of what it read; and that leaving it costs and breaks nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.errors import LakemintError, StoreError
from lakemint.feed import Run, Split
from lakemint.feed.receipts import MAX_RANGES, Part, Receipt
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.ranges import merged
from lakemint.published.receipts import ReceiptRecord, receipts
from lakemint.store import Store, open_store
from tests.support import CHECKOUT
from tests.unit.small_version import publish, row, settings

ROWS = 100
NOTES = Reference("notes", 1)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name in ("MLFLOW_RUN_ID", "WANDB_RUN_ID", "SLURM_JOB_ID", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    config = settings(tmp_path)
    publish(config, [row(index, "test" if index % 10 == 0 else "train") for index in range(ROWS + 20)][:ROWS])
    return config


@pytest.fixture
def train(config: Config) -> Split:
    return lakemint.open("notes@1", split="train", config=config)


def left(config: Config) -> list[ReceiptRecord]:
    """The receipts in the lake, all of which can be read."""
    found = [*receipts(open_store(config), Lake(config.lake), NOTES)]
    return [one for one in found if isinstance(one, ReceiptRecord) or pytest.fail(str(one))]


class Odd:
    """A store that writes as told."""

    def __init__(self, store: Store, put: Callable[..., None]) -> None:
        self._store, self.put = store, put

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def through(split: Split, put: Callable[..., None]) -> Split:
    assert split.origin is not None
    split.origin = replace(split.origin, store=Odd(split.origin.store, put))
    return split


def test_a_run_that_ends_has_told_all(config: Config, train: Split) -> None:
    with lakemint.run("exp-7") as run:
        loader = train.loader(7, seed=3, run=run)
        for _epoch in range(2):
            list(loader)
        next(iter(loader))
        run.model = "s3://models/exp-7"
    (one,) = left(config)
    assert (one.run, one.model, one.status, one.split, one.world) == (
        "exp-7", "s3://models/exp-7", "complete", "train", 1
    )  # fmt: skip
    assert (one.places, one.ranges) == (90, [(0, 187)])
    version = lakemint.open("notes@1", config=config)
    assert one.manifest == one.order.digest == version.digest
    assert one.ended_at is not None
    assert one.begun_at <= one.seen_at == one.ended_at


def test_a_run_that_fails_says_so_and_nothing_of_what_was_in_its_error(config: Config, train: Split) -> None:
    with pytest.raises(ValueError, match="ana@"), lakemint.run("exp-7") as run:
        for batch in train.loader(30, run=run):
            raise ValueError(f"ana@example.org {batch['text']}")
    (one,) = left(config)
    assert (one.status, one.failure, one.ranges) == ("failed", "ValueError", [(0, 30)])
    assert "ana@" not in one.model_dump_json()


def test_leaving_by_sys_exit_is_no_failure(config: Config, train: Split) -> None:
    with suppress(SystemExit), lakemint.run("exp-7") as run:
        list(train.loader(30, run=run))
        sys.exit(0)
    assert [one.status for one in left(config)] == ["complete"]


def test_no_row_and_no_id_is_in_a_receipt(config: Config, train: Split) -> None:
    with lakemint.run("exp-7") as run:
        rows = [one for batch in train.loader(30, run=run).arrow() for one in batch.to_pylist()]
    folder = Path(config.lake.removeprefix("file://")) / "published/notes/receipts/00000001"
    (text,) = [path.read_text() for path in folder.iterdir()]
    assert not [one for one in rows if one["sample_id"] in text or one["text"] in text]


def test_the_first_rank_tells_for_all(config: Config, train: Split) -> None:
    given = []
    for rank in range(3):
        with lakemint.run("exp-7") as run:
            loader = train.loader(10, seed=1, rank=rank, world=3, run=run)
            steps = iter(loader)
            given += [name for _ in range(2) for name in next(steps)["sample_id"]]
    (one,) = left(config)
    assert (one.world, one.ranges) == (3, [(0, len(given))])


def test_loaders_of_one_order_share_a_receipt_and_others_have_their_own(config: Config, train: Split) -> None:
    version = lakemint.open("notes@1", config=config)
    with lakemint.run("exp-7") as run:
        for epoch in (0, 2):
            list(train.loader(10, seed=1, epoch=epoch, run=run))
            list(version["test"].loader(10, shuffle=False, run=run))
        list(train.loader(10, seed=2, run=run))
        train.loader(10, seed=3, run=run)  # nothing is read
    found = {(one.split, one.order.seed): one.ranges for one in left(config)}
    assert found == {
        ("train", 1): [(0, 90), (180, 270)],
        ("test", 0): [(0, 10)],
        ("train", 2): [(0, 90)],
    }
    assert len({one.attempt for one in left(config)}) == 1


def test_sources_of_a_mixture_are_told_each_by_what_was_read_of_it(config: Config, train: Split) -> None:
    test = lakemint.open("notes@1", "test", config=config)
    sources, weights = {"a": train, "b": test}, {"a": 3, "b": 1}
    with lakemint.run("exp-7") as run:
        mixture = lakemint.Mixture(sources, weights, 7, seed=2, run=run)
        given = [one for _, batch in zip(range(9), mixture, strict=False) for one in batch["sample_id"]]
    own = {one["sample_id"] for batch in train for one in batch.to_pylist()}
    counts = {"train": sum(one in own for one in given), "test": sum(one not in own for one in given)}
    assert {one.split: one.ranges for one in left(config)} == {
        split: [(0, count)] for split, count in counts.items()
    }
    # In the order that a loader of its own would have.
    alone = [name for batch in train.loader(90, seed=2) for name in batch["sample_id"]]
    assert [one for one in given if one in own] == alone[: counts["train"]]


def test_what_drop_last_leaves_out_is_not_told(config: Config, train: Split) -> None:
    with lakemint.run("exp-7") as run:
        list(train.loader(40, drop_last=True, run=run))
    assert [one.ranges for one in left(config)] == [[(0, 80)]]


@checks(max_examples=30)
@given(data=st.data())
def test_whatever_is_read_left_and_gone_on_with_is_told_and_nothing_else(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = settings(tmp_path_factory.mktemp("receipts"))
    publish(config, [row(index) for index in range(20)])
    train = lakemint.open("notes@1", split="train", config=config)
    read: set[int] = set()
    state: dict[str, Any] = {}
    with lakemint.run("exp-7") as run:
        for _ in range(data.draw(st.integers(1, 5))):
            size = data.draw(st.integers(1, 25))
            loader = train.loader(size, seed=1, run=run)
            if data.draw(st.booleans()) and state:
                loader.load_state_dict(state)
            begin = loader.state_dict()
            batches = loader.arrow()
            handed = [
                len(batch) for _, batch in zip(range(data.draw(st.integers(0, 4))), batches, strict=False)
            ]
            first = begin["epoch"] * 20 + begin["position"]
            read |= {*range(first, first + sum(handed))}
            state = loader.state_dict()
    assert [one.ranges for one in left(config)] == ([merged((n, n + 1) for n in read)] if read else [])


def test_so_many_ranges_are_told_as_fewer_wider_ones(train: Split) -> None:
    part = Part(train, train.order(seed=0, shuffle=True, window=16))
    receipt = Receipt(Run("exp-7", None, strict=False), part)
    for place in range(0, 10 * MAX_RANGES, 2):
        receipt.read(place, place + 1)
    told = receipt.content()["ranges"]
    assert len(told) <= MAX_RANGES
    assert {n for one in told for n in range(*one)} >= {*range(0, 10 * MAX_RANGES, 2)}


def test_a_store_that_hangs_holds_nobody_up(config: Config, train: Split) -> None:
    free, puts, store = threading.Event(), [], open_store(config)

    def put(key: str, data: bytes) -> None:
        puts.append(json.loads(data))
        assert free.wait(60)
        store.put(key, data)

    with lakemint.run("exp-7") as run:
        loader = through(train, put).loader(1, run=run)
        for _ in loader:
            loader.state_dict()
        assert len(puts) <= 1
        free.set()
    assert len(puts) <= 3
    assert [one.ranges for one in left(config)] == [[(0, 90)]]


def refuse(key: str, data: bytes) -> None:
    raise StoreError(f"{key}: the object store refuses these credentials (AccessDenied)")


def test_credentials_that_only_read_are_told_once_and_training_goes_on(train: Split) -> None:
    with pytest.warns(RuntimeWarning) as told, lakemint.run("exp-7") as run:
        loader = through(train, refuse).loader(10, run=run)
        for _epoch in range(2):
            assert sum(len(batch["text"]) for batch in loader) == 90
    (one,) = told
    assert "training goes on" in str(one.message)
    assert "refuses these credentials" in str(one.message)
    assert "published/<dataset>/receipts/" in str(one.message)


def test_who_is_strict_is_told_before_the_first_batch(train: Split) -> None:
    with pytest.raises(StoreError, match="refuses"), lakemint.run("exp-7", strict=True) as run:
        for _ in through(train, refuse).loader(10, run=run):
            pytest.fail("read")


def test_who_is_strict_finds_each_state_written(config: Config, train: Split) -> None:
    with lakemint.run("exp-7", strict=True) as run:
        loader = train.loader(10, run=run)
        for place, _ in enumerate(loader, start=1):
            loader.state_dict()
            assert [one.ranges for one in left(config)] == [[(0, 10 * place)]]
    assert [one.status for one in left(config)] == ["complete"]


def test_a_store_that_comes_back_has_it_all_at_last(config: Config, train: Split) -> None:
    store, is_away = open_store(config), True

    def put(key: str, data: bytes) -> None:
        if is_away:
            refuse(key, data)
        store.put(key, data)

    with pytest.warns(RuntimeWarning), lakemint.run("exp-7") as run:
        loader = through(train, put).loader(10, run=run)
        list(loader)
        while not run._is_warned:
            threading.Event().wait(0.01)
        is_away = False
    assert [(one.status, one.ranges) for one in left(config)] == [("complete", [(0, 90)])]


def test_without_a_run_nothing_is_written(config: Config, train: Split) -> None:
    list(train.loader(10))
    assert left(config) == []


def test_a_run_that_is_over_takes_no_loader(train: Split) -> None:
    with lakemint.run("exp-7") as run:
        pass
    with pytest.raises(LakemintError, match="is over"):
        train.loader(10, run=run)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"SLURM_JOB_ID": "4711"}, "4711"),
        ({"SLURM_JOB_ID": "4711", "MLFLOW_RUN_ID": "af3"}, "af3"),
        ({"TORCHELASTIC_RUN_ID": "none", "SLURM_JOB_ID": "4711"}, "4711"),
        ({"TORCHELASTIC_RUN_ID": "a\x1b[31m\nb"}, "a\ufffd[31m b"),
    ],
)
def test_a_run_without_a_name_is_called_as_it_was_launched(
    environment: dict[str, str], name: str, config: Config, train: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with lakemint.run() as run:
        list(train.loader(50, run=run))
    (one,) = left(config)
    assert one.run == name
    assert name in one.launchers.values()
    assert "none" not in one.launchers.values()


def test_a_run_that_nobody_named_is_refused(config: Config) -> None:
    with pytest.raises(LakemintError, match="no name"):
        lakemint.run()


def environment(config: Config) -> dict[str, str]:
    """Of a training process."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT / "src"),
        "LAKEMINT_LAKE": config.lake,
        "LAKEMINT_CACHE": config.cache,
    }


FORKING = """
import os, lakemint
train = lakemint.open("notes@1", split="train")
with lakemint.run("exp-7") as run:
    walk = iter(train.loader(10, seed=3, run=run))
    next(walk)
    if not (child := os.fork()):
        for _ in train.loader(10, seed=5, run=run):
            pass
        run.end()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_worker_that_is_forked_from_a_run_tells_what_it_read(config: Config) -> None:
    subprocess.run([sys.executable, "-c", FORKING], env=environment(config), check=True, timeout=60)
    found = {one.order.seed: (one.status, one.ranges) for one in left(config)}
    assert found == {3: ("complete", [(0, 10)]), 5: ("complete", [(0, 90)])}


TRAINING = """
import sys, lakemint
loaded = eval(sys.argv[1])
with lakemint.run("exp-7") as run:
    loader = lakemint.open("notes@1", split="train").loader(10, seed=3, run=run)
    if loaded:
        loader.load_state_dict(loaded)
    for number, batch in enumerate(loader):
        if number == 4 and not loaded:
            print(loader.state_dict(), flush=True)
            sys.stdin.read()
"""


def training(config: Config, state: dict[str, Any] | None = None) -> "subprocess.Popen[str]":
    """A real process that reads; it hangs after 50 examples, unless it goes on from a state."""
    command = [sys.executable, "-c", TRAINING, repr(state)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    folder = Path(config.lake.removeprefix("file://"))
    return subprocess.Popen(command, env=environment(config), cwd=folder, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def until(come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not come():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.02)


def test_a_run_that_was_killed_has_told_where_it_was_and_goes_on_as_another_part(config: Config) -> None:
    with training(config) as first:
        assert first.stdout is not None
        state = json.loads(first.stdout.readline().replace("'", '"').replace("True", "true"))
        until(lambda: [one.ranges for one in left(config)] == [[(0, 50)]])
        first.send_signal(signal.SIGKILL)
    (killed,) = left(config)
    assert (killed.status, killed.ended_at) == ("running", None)
    with training(config, state) as second:
        assert second.wait(60) == 0
    begun = {one.status: one.ranges for one in left(config)}
    assert begun == {"running": [(0, 50)], "complete": [(50, 90)]}
    assert {one.run for one in left(config)} == {"exp-7"}
    assert len({one.attempt for one in left(config)}) == 2


@pytest.fixture(autouse=True)
def _warnings_are_meant() -> Iterator[None]:
    """No warning but those that a test waits for."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield
