"""The road's last job: the newest version gets its score, where it can have one, and its card in the lake."""

from pathlib import Path

import pytest
import yaml

from lakemint.config import Config
from lakemint.errors import VersionNotFound
from lakemint.published.card import card
from tests.support import run_job
from tests.unit.small_version import DATASET, publish, row, settings

ROWS = [row(index, "test" if index % 3 == 0 else "train", text="ab"[index % 2] * 3) for index in range(60)]
RECIPE = {
    "sources": {"letters": {"format": "tsv", "columns": ["text"]}},
    "content": ["text"],
    "label": {"known": "text"},
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = settings(tmp_path)
    for name, value in (("HOME", str(tmp_path)), ("LAKE", config.lake), ("CACHE", config.cache)):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path / "schemas"))
    return config


def write(folder: Path, **recipe: object) -> None:
    (folder / "schemas" / DATASET).mkdir(parents=True, exist_ok=True)
    (folder / "schemas" / DATASET / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, **recipe}))


def names(config: Config, number: int) -> list[str]:
    return [name.rpartition("/")[2] for name in card(config, DATASET, number)["files"]]


def test_the_newest_version_gets_a_score_and_a_card_and_a_second_run_changes_nothing(
    config: Config, tmp_path: Path
) -> None:
    write(tmp_path, baseline={"input": "text", "encode": "text"})
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
    write(tmp_path, baseline=baseline)
    publish(config, ROWS[:1])
    assert run_job("train", DATASET).changed
    assert names(config, 1) == ["card.html", "card.md", "croissant.json"]
    again = run_job("train", DATASET)
    assert not again.changed
    assert str(again.details["baseline"]).startswith("none")
