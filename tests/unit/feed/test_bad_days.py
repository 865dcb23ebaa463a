"""What happens to a training in mid-epoch, and versions that are out of the ordinary."""

import hashlib
import resource
from pathlib import Path

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import VersionRevised
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.store import open_store
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.small_version import DATASET, WHEN, publish, publish_judged, row, settings

ROWS = [row(index, bucket=index % 12) for index in range(240)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


def test_a_version_that_is_erased_from_in_mid_epoch_says_so_and_goes_on_without_the_rows(
    config: Config,
) -> None:
    publish(config, ROWS)
    loader = lakemint.open("notes@1", "train", config=config).loader(10, seed=3, window=1)
    alone = [one for batch in loader for one in batch["sample_id"]]
    loader.load_state_dict({**loader.state_dict(), "epoch": 0, "position": 0})
    gone = {one["sample_id"] for one in ROWS if one["bucket"] in (3, 4, 5)}
    given: list[str] = []
    for path in Path(config.cache).glob("*.arrow"):
        path.unlink()
    with pytest.raises(VersionRevised, match="rows were erased from it since"):
        for batch in loader:
            if not given:
                erase(config, sought(*(one for one in ROWS if one["sample_id"] in gone)))
            given += batch["sample_id"].tolist()
    again = lakemint.open("notes@1", "train", config=config).loader(10, seed=3, window=1)
    again.load_state_dict(loader.state_dict())
    later = [one for batch in again for one in batch["sample_id"]]
    assert given == alone[: len(given)]
    assert later == [one for one in alone[len(given) :] if one not in gone]


def test_a_channel_that_moves_in_mid_epoch_moves_no_training(config: Config) -> None:
    store, lake, channel = open_store(config), Lake(config.lake), Channel(DATASET, "production")
    publish_judged(config, ROWS)
    channels.promote(store, lake, channel, 1, Order("ana", WHEN))
    loader = lakemint.open("notes@production", "train", config=config).loader(10, window=1)
    steps = iter(loader)
    given = [*next(steps)["text"]]
    publish_judged(config, [row(index, text=f"other {index}") for index in range(50)])
    channels.promote(store, lake, channel, 2, Order("ana", WHEN))
    given += [one for batch in steps for one in batch["text"]]
    given += [one for batch in loader for one in batch["text"]]
    assert sorted(given) == sorted(2 * [one["text"] for one in ROWS])
    assert len(lakemint.open("notes@production", "train", config=config)) == 50


def test_a_thousand_shards_of_a_row_each_are_read_with_few_at_hand(config: Config) -> None:
    publish(config, [row(index, bucket=index) for index in range(1000)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loader = lakemint.open("notes@1", "train", config=config).loader(64, seed=1)
    assert sorted(one for batch in loader for one in batch["stars"]) == [*range(1000)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "KiB"


def test_one_huge_row_among_small_ones_comes_whole(config: Config) -> None:
    huge = "a long text " * 8_000_000
    publish(config, [row(index, text=huge if index == 7 else "short") for index in range(20)])
    loader = lakemint.open("notes@1", "train", config=config).loader(8, seed=1)
    texts = [text for batch in loader for text in batch["text"]]
    digests = sorted(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    assert digests == sorted([hashlib.sha256(one.encode()).hexdigest() for one in [huge, *19 * ["short"]]])
