"""The road's last job: the newest version gets its score, if it can have one, its card, and its channel."""

from pathlib import Path

import pytest

from lakemint.config import Config
from lakemint.errors import GateFailed, VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published.card import card
from lakemint.published.channels import Order, history, promote, rollback
from lakemint.store import open_store
from tests.support import run_job
from tests.unit.small_version import (
    DATASET,
    publish,
    publish_judged,
    row,
    settings,
    write_recipe,
)

ROWS = [row(index, "test" if index % 3 == 0 else "train", text="ab"[index % 2] * 3) for index in range(60)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = settings(tmp_path)
    for name, value in (("HOME", str(tmp_path)), ("LAKE", config.lake), ("CACHE", config.cache)):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path / "schemas"))
    return config


def names(config: Config, number: int) -> list[str]:
    return [name.rpartition("/")[2] for name in card(config, DATASET, number)["files"]]


def test_the_newest_version_gets_a_score_and_a_card_and_a_second_run_changes_nothing(
    config: Config, tmp_path: Path
) -> None:
    write_recipe(tmp_path / "schemas", baseline={"input": "text", "encode": "text"})
    with pytest.raises(VersionNotFound):
        run_job("train", DATASET)
    publish(config, ROWS[1:])
    publish(config, ROWS)
    done = run_job("train", DATASET)
    assert (done.subject, done.changed, done.counts) == ("notes@2", True, {"train_rows": 40, "test_rows": 20})
    assert names(config, 1) == []
    assert names(config, 2) == ["baseline.json", "card.html", "card.md", "croissant.json"]
    again = run_job("train", DATASET)
    assert (again.changed, again.counts, again.details) == (False, done.counts, done.details)


@pytest.mark.parametrize("baseline", [None, {"input": "text", "encode": "text"}])
def test_without_a_score_there_is_a_card(config: Config, tmp_path: Path, baseline: object) -> None:
    write_recipe(tmp_path / "schemas", baseline=baseline)
    publish(config, ROWS[:1])
    assert run_job("train", DATASET).changed
    assert names(config, 1) == ["card.html", "card.md", "croissant.json"]
    again = run_job("train", DATASET)
    assert not again.changed
    assert str(again.details["baseline"]).startswith("none")


def test_the_recipes_channel_follows_new_versions_and_stays_rolled_back(
    config: Config, tmp_path: Path
) -> None:
    write_recipe(tmp_path / "schemas", publish={"channel": "candidate"})
    store, lake, candidate = open_store(config), Lake(config.lake), Channel(DATASET, "candidate")

    def held() -> list[tuple[int, str, str]]:
        return [(p.version, p.by, p.kind) for p in history(store, lake, candidate)]

    for number in (1, 2):
        publish_judged(config, [row(number)])
        done = run_job("train", DATASET)
        assert (done.changed, done.details["channel"]) == (True, "notes@candidate")
        assert not run_job("train", DATASET).changed
    moves = [(2, "train_notes", "promotion"), (1, "train_notes", "promotion")]
    assert held() == moves
    rollback(store, lake, candidate, Order("ana", "2026-11-23T12:00:00+00:00"))
    assert not run_job("train", DATASET).changed
    assert held() == [(1, "ana", "rollback"), *moves]
    publish_judged(config, [row(3)])
    promote(store, lake, Channel(DATASET, "candidate"), 3, Order("ana", "2026-11-23T12:00:00+00:00"))
    assert "channel" not in run_job("train", DATASET).details
    publish(config, [row(4)])
    with pytest.raises(GateFailed, match="notes@4 cannot be promoted"):
        run_job("train", DATASET)
    assert held()[0] == (3, "ana", "promotion")
