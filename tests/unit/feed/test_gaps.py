"""An order goes on after erasures: as it was, without the examples that are gone."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.errors import FormatError
from lakemint.feed import Loader
from lakemint.feed.manifest import parse_manifest
from lakemint.names import Reference
from lakemint.published.verify import verify
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.small_version import publish, row
from tests.unit.small_version import settings as config_of

ROWS = 24


def ids(config: Config, loader: Loader, most: int = ROWS) -> list[str]:
    found: list[str] = []
    for number, batch in enumerate(loader, start=1):
        found += batch["sample_id"].tolist()
        if number == most:
            break
    return found


def loader(config: Config, batch_size: int = 1, shuffle: bool = True) -> Loader:
    train = lakemint.open("notes@1", split="train", config=config)
    return train.loader(batch_size, seed=3, shuffle=shuffle, window=2)


@settings(max_examples=25)
@given(
    erasures=st.lists(st.sets(st.integers(0, ROWS - 1), max_size=ROWS), min_size=1, max_size=3),
    steps=st.integers(1, ROWS),
    batch_size=st.integers(1, 5),
    shuffle=st.booleans(),
)
def test_a_walk_that_erasures_cut_goes_on_without_their_rows(
    erasures: list[set[int]], steps: int, batch_size: int, shuffle: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = config_of(Path(folder))
        rows = [row(number) for number in range(ROWS)]
        publish(config, rows)
        whole = ids(config, loader(config, shuffle=shuffle))
        before = loader(config, shuffle=shuffle)
        first = ids(config, before, steps)
        gone = {rows[number]["sample_id"] for erased in erasures for number in erased}
        for number, erased in enumerate(erasures):
            erase(config, sought(*(rows[one] for one in erased)), erasure=f"erasure {number}")
        after = loader(config, batch_size, shuffle)
        after.load_state_dict(json.loads(json.dumps(before.state_dict())))
        if steps < ROWS:
            assert first + ids(config, after) == whole[:steps] + [
                one for one in whole[steps:] if one not in gone
            ]
        assert verify(config, Reference("notes", 1)).sound
        left = ids(config, loader(config, shuffle=shuffle))
        assert left == [one for one in whole if one not in gone]
        train = lakemint.open("notes@1", split="train", config=config)
        assert len(train) == len(left) == train.to_table().num_rows


@pytest.mark.parametrize("erased", [[1, 1], [2, 1], [99], [-1], ["1"], [1.0]])
def test_gaps_that_cannot_be_are_refused(tmp_path: Path, erased: list[object]) -> None:
    config = config_of(tmp_path)
    publish(config, [row(number) for number in range(6)])
    content = lakemint.open("notes@1", config=config).manifest
    content["splits"]["train"]["shards"][0]["erased"] = erased
    with pytest.raises(FormatError, match="there: malformed"):
        parse_manifest(json.dumps(content).encode(), "there", "notes")
