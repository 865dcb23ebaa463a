"""Promotions that a person may have to approve: what is checked, what is shown, and what moves."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.datacard.proposal import MAX_TEXT
from lakemint.dataset.recipe import load_recipe
from lakemint.errors import (
    ChannelMoved,
    GateFailed,
    LakemintError,
    RecipeError,
    VersionNotFound,
    VersionRevised,
)
from lakemint.job.outcome import MARK, Outcome
from lakemint.job.process import MAX_LINE
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published.channels import Order, history, promote
from lakemint.published.version_record import read_version
from lakemint.store import open_store
from tests.support import run_job
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.small_version import (
    DATASET,
    WHEN,
    judge,
    publish,
    publish_judged,
    row,
    settings,
    write_recipe,
)

STABLE = Channel(DATASET, "stable")
ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(20)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A lake with notes@1 and notes@2, both passed, and notes@3, which is not judged; `stable` asks."""
    config = settings(tmp_path)
    for rows in (ROWS[1:], ROWS):
        publish_judged(config, rows)
    publish(config, [row(30)])
    write_recipe(tmp_path / "schemas", publish={"channel": "candidate", "approve": ["stable"]})
    own = {"HOME": str(tmp_path), "LAKE": config.lake, "SCHEMAS": str(tmp_path / "schemas"), "USER": "road"}
    for name, value in own.items():
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    return config


def held(config: Config, channel: Channel = STABLE) -> list[tuple[int, str, str]]:
    """(version, by, reason), newest first."""
    try:
        found = history(open_store(config), Lake(config.lake), channel)
    except VersionNotFound:
        return []
    return [(position.version, position.by, position.reason) for position in found]


def checked(*arguments: str) -> Outcome:
    return run_job("promote_check", DATASET, *arguments)


def test_a_check_shows_what_is_to_move_and_moves_nothing(config: Config) -> None:
    found = checked("1", "stable", "more *labels*")
    assert (found.subject, found.changed) == ("notes@stable", True)
    assert found.identity == read_version(open_store(config), Lake(config.lake), DATASET, 1).manifest
    assert (found.details["asks"], found.details["from"]) == (True, 0)
    assert found.details["subject"] == "Promote notes@1 to notes@stable?"
    body = found.details["body"]
    assert r"notes@stable is to move to notes@1. Why: more \*labels\*" in body
    for part in (
        found.identity,
        "- rows: 19 (train 16, validation 0, test 3)",
        "passed",
        "notes@stable is new",
    ):
        assert part in body
    assert held(config) == []


def test_a_check_tells_the_difference_from_where_the_channel_stands(config: Config) -> None:
    promote(open_store(config), Lake(config.lake), STABLE, 1, Order("ana", WHEN))
    found = checked("2", "stable")
    assert found.details["from"] == 1
    assert "Why: no reason was given." in found.details["body"]
    assert "## Since notes@1" in found.details["body"]
    assert "1 added, 0 removed" in found.details["body"]
    again = checked("1", "stable")
    assert (again.changed, again.details["body"]) == (False, "")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("3", "stable"), GateFailed, "notes@3 cannot be promoted"),
        (("9", "stable"), VersionNotFound, "notes@9: no such version; there are notes@1"),
        (("1", "stabel"), VersionNotFound, "notes@stabel: notes has no channel yet"),
        (("1", "stable", "two\nlines"), LakemintError, "write one line"),
        (("1", "stable", "", "2"), ChannelMoved, "you expected it at notes@2"),
    ],
)
def test_a_check_fails_as_the_promotion_would(
    config: Config, arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        checked(*arguments)


def test_a_lost_verdict_is_no_passed_one(config: Config) -> None:
    for item in [*open_store(config).list("verdicts/")]:
        open_store(config).delete(item.key)
    with pytest.raises(GateFailed, match="not in the lake"):
        checked("1", "stable")


def test_what_is_shown_fits_in_an_outcome_whatever_labels_there_are(config: Config) -> None:
    verdicts = sorted(judge(config, table) for table in ("gold", "silver"))
    publish(config, [row(n, label="\U0001f98a" * 5000 + str(n)) for n in range(9)], verdicts=verdicts)
    promote(open_store(config), Lake(config.lake), STABLE, 1, Order("ana", WHEN))
    found = checked("4", "stable")
    assert len(found.details["body"]) <= MAX_TEXT + 100
    assert len(MARK + json.dumps(vars(found))) < MAX_LINE


def test_who_approved_moves_it(config: Config) -> None:
    seen = checked("1", "stable", "more labels")
    assert isinstance(seen.details["from"], int)
    arguments = ("1", "stable", "more labels", "0", seen.identity, "ana")
    with pytest.raises(GateFailed, match="notes@stable asks for approval, and nobody approved notes@1"):
        run_job("promote", DATASET, *arguments)
    assert held(config) == []
    moved = run_job("promote", DATASET, *arguments, "ben")
    assert (moved.subject, moved.changed) == ("notes@stable", True)
    assert held(config) == [(1, "ben", "more labels")]
    assert not run_job("promote", DATASET, *arguments, "ben").changed


def test_a_channel_that_asks_nobody_is_moved_by_who_asked(config: Config) -> None:
    candidate = Channel(DATASET, "candidate")
    assert checked("1", "candidate").details["asks"] is False
    run_job("promote", DATASET, "1", "candidate", "", "0", "", "ana")
    run_job("promote", DATASET, "2", "candidate")
    assert held(config, candidate) == [(2, "road", ""), (1, "ana", "")]


def test_nothing_moves_but_what_was_looked_at_from_where_it_stood(config: Config) -> None:
    seen = checked("2", "stable").identity
    promote(open_store(config), Lake(config.lake), STABLE, 1, Order("ana", WHEN))
    with pytest.raises(ChannelMoved, match="notes@stable stands at notes@1 since"):
        run_job("promote", DATASET, "2", "stable", "", "0", seen, "", "ben")
    erase(config, sought(ROWS[0]))
    with pytest.raises(VersionRevised, match="which somebody looked at"):
        run_job("promote", DATASET, "2", "stable", "", "1", seen, "", "ben")
    assert [version for version, _, _ in held(config)] == [1]


def test_where_versions_go_is_no_part_of_what_they_are(tmp_path: Path) -> None:
    digests = []
    for publish_ in (
        {"buckets": 4},
        {"buckets": 4, "channel": "candidate", "approve": ["stable"]},
        {"buckets": 3},
    ):
        write_recipe(tmp_path, publish=publish_)
        digests.append(load_recipe(tmp_path, DATASET).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"channel": "Prod"}, "publish.channel: 'Prod' is no channel name"),
        ({"approve": ["ok_one", "3"]}, "publish.approve: '3' is no channel name"),
        (
            {"channel": "both", "approve": ["both"]},
            "publish.approve: every new version goes to 'both' by itself",
        ),
        ({"aprove": ["stable"]}, "publish.aprove: no such field; did you mean 'approve'"),
    ],
)
def test_a_recipe_whose_channels_are_wrong_is_told(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    write_recipe(tmp_path, publish=given)
    with pytest.raises(RecipeError, match=words):
        load_recipe(tmp_path, DATASET)
