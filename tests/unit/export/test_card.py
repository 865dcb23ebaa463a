"""The card that lies beside a version in the lake: what is printed, and no older than the records."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakemint.cli import build
from lakemint.config import Config
from lakemint.datacard import facts
from lakemint.errors import StoreUnavailable
from lakemint.export import card as stored_card
from lakemint.export.card import keep_card, renew_cards
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.baseline import BaselineRecord
from lakemint.published.card import card
from lakemint.store import open_store
from tests.unit.failing import Failing
from tests.unit.publish.test_erasure import erase, sought
from tests.unit.small_version import DATASET, manifest_and_shards, publish, row, settings

FIRST, SECOND = Reference(DATASET, 1), Reference(DATASET, 2)
FILES = ["card.html", "card.md", "croissant.json"]
LONG = row(7, text="x" * 5000)
ROWS = [*(row(index, "test" if index % 5 == 0 else "train") for index in range(6)), LONG]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = settings(tmp_path)
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    publish(config, ROWS)
    publish(config, [*ROWS, row(8)])
    return config


def there(config: Config, number: int = 1) -> dict[str, tuple[bytes, int]]:
    """Name → bytes, and the file that holds them: another one each time it is written."""
    folder = Path(config.lake.removeprefix("file://")) / "published" / DATASET / "card" / f"{number:08d}"
    return {path.name: (path.read_bytes(), path.stat().st_ino) for path in sorted(folder.glob("*"))}


def told(config: Config) -> list[str]:
    said: list[str] = []
    renew_cards(config, DATASET, {1}, said.append)
    return said


def score(config: Config, number: int) -> None:
    digest = card(config, DATASET, number)["digest"]
    record = BaselineRecord(
        manifest=digest, train_rows=5, test_rows=2, accuracy=0.5, majority=0.5, per_class={}
    )
    where = Lake(config.lake).card(DATASET, number, "baseline.json")
    open_store(config).put(where, record.model_dump_json().encode())


def test_it_is_what_the_commands_print_and_show_says_where(config: Config) -> None:
    assert keep_card(config, SECOND)
    found = {name: data.decode() for name, (data, _) in there(config, 2).items()}
    for command, name in (("card", "card.md"), ("croissant", "croissant.json")):
        assert CliRunner().invoke(build(), ["version", command, "notes@2"]).stdout == found[name]
    assert found["card.html"].startswith("<!doctype html>")
    folder = f"{config.lake}/published/notes/card/00000002/"
    assert card(config, DATASET, 2)["files"] == [f"{folder}{name}" for name in FILES]
    shown = CliRunner(env={"COLUMNS": "300"}).invoke(build(), ["version", "show", "notes@2"]).stdout
    assert f"card.html, card.md, croissant.json in {folder}" in shown
    assert "stored" not in CliRunner().invoke(build(), ["version", "show", "notes@1"]).stdout


def test_it_is_written_again_only_when_it_says_something_else(config: Config) -> None:
    keep_card(config, FIRST)
    before = there(config)
    assert list(before) == FILES
    assert not keep_card(config, FIRST)
    assert there(config) == before
    score(config, 1)
    assert keep_card(config, FIRST)
    now = there(config)
    assert [name for name in FILES if now[name] != before[name]] == ["card.html", "card.md"]
    assert b"always the commonest label" in now["card.md"][0]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", range(3))
def test_one_that_was_cut_short_is_completed(
    config: Config, monkeypatch: pytest.MonkeyPatch, at: int, done: bool
) -> None:
    failing = Failing(open_store(config), at, done)
    monkeypatch.setattr(stored_card, "open_store", lambda config: failing)
    with pytest.raises(StoreUnavailable):
        keep_card(config, FIRST)
    assert len(there(config)) == at + done
    monkeypatch.undo()
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    assert keep_card(config, FIRST) is (at + done < 3)
    assert list(there(config)) == FILES
    assert not keep_card(config, FIRST)


def test_overlays_have_no_croissant_and_one_from_before_goes(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_card(config, FIRST)
    monkeypatch.setattr(stored_card, "has_words_for", lambda version: False)
    assert keep_card(config, FIRST)
    assert list(there(config)) == ["card.html", "card.md"]


def test_after_an_erasure_nothing_of_it_is_left_in_any_card(config: Config) -> None:
    for number in (1, 2):
        score(config, number)
        keep_card(config, Reference(DATASET, number))
    assert b"6 to 5,000 characters" in there(config)["card.md"][0]
    assert {number for number, _ in erase(config, sought(LONG))} == {1, 2}
    assert told(config) == []
    for number in (1, 2):
        found = there(config, number)
        if number == 1:
            assert list(found) == FILES, "nor the score of before"
        assert b"6 to 6 characters" in found["card.md"][0]
        assert b"5,000" not in found["card.md"][0]
        digest = card(config, DATASET, number)["digest"]
        assert digest.encode() in found["croissant.json"][0]
    assert b"7 raw = 6 published" in there(config)["card.md"][0]
    assert b"+ 1 erased" in there(config)["card.md"][0]
    before = there(config)
    told(config)
    assert there(config) == before


def test_a_revised_version_whose_card_cannot_be_drawn_has_none(config: Config) -> None:
    keep_card(config, FIRST)
    erase(config, sought(LONG))
    shards = Path(config.lake.removeprefix("file://")) / "published" / DATASET / "shards"
    for shard in shards.iterdir():
        shard.write_bytes(b"harmed")
    (why, _) = told(config)
    assert why.startswith("the card of notes@1 is gone and not drawn anew: published/notes/shards/")
    assert there(config) == {}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_draws_while_an_erasure_revises_leaves_no_older_card(
    config: Config, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Drawn of the version as it was, then the erasure draws it anew, then the older one would be stored."""
    keep_card(config, FIRST)
    score(config, 1)  # so that there is something to be written
    draw: Callable[..., dict[str, str | None]] = stored_card._draw
    calls = []

    def slow(config: Config, version: Reference) -> dict[str, str | None]:
        calls.append(version)
        drawn = draw(config, version)
        if len(calls) == 1:
            erase(config, sought(LONG))
            if moment == "after":
                told(config)
        return drawn

    monkeypatch.setattr(stored_card, "_draw", slow)
    keep_card(config, FIRST)
    told(config)
    for name, (data, _) in there(config).items():
        assert data.decode() == draw(config, FIRST)[name]
    assert b"5,000" not in there(config)["card.md"][0]


def test_a_card_reads_no_more_than_a_second_or_two_take(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = sorted(map(len, manifest_and_shards([*ROWS, row(8)])[1].values()))
    monkeypatch.setattr(facts, "READ", 2 * sizes[0] + 1)
    keep_card(config, SECOND)
    text = there(config, 2)["card.md"][0].decode()
    assert "in a sample of " in text
    assert "notes@1 is not compared here, since " in text
    assert "version diff notes@1 notes@2" in text
