"""The recipes that versions were made by, as an erasure reads what the recipe of now no longer names."""

from pathlib import Path
from typing import Any

from lakemint.config import Config
from lakemint.digest import digest_of
from lakemint.publish.keep import keep_document
from lakemint.published.past import past_recipes
from tests.unit.published.retired import LONG, opened, retire, sweep
from tests.unit.small_version import DATASET, age, publish, row, settings


def published_by(config: Config, number: int, recipe: dict[str, Any]) -> None:
    keep_document(*opened(config), DATASET, recipe)
    publish(config, [row(index) for index in range(number)], changed={"recipe": digest_of(recipe)})


def test_recipes_are_told_newest_first_each_once_and_none_that_was_swept(tmp_path: Path) -> None:
    config = settings(tmp_path)
    first, second = {"sources": "first"}, {"sources": "second"}
    for number, recipe in enumerate([first, second, first, second], start=1):
        published_by(config, number, recipe)
    assert [*past_recipes(*opened(config), DATASET)] == [second, first]
    assert [*past_recipes(*opened(config), "others")] == []
    last = settings(tmp_path / "other")
    for number, recipe in enumerate([first, second], start=1):
        published_by(last, number, recipe)
    age(last, LONG)
    retire(last)
    assert [*past_recipes(*opened(last), DATASET)] == [second, first]
    sweep(last)
    assert [*past_recipes(*opened(last), DATASET)] == [second]
