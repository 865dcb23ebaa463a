"""Channels move one step at a time, to versions that passed, and tell who moved them."""

import json
import multiprocessing
import multiprocessing.synchronize
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import (
    ChannelMoved,
    FormatError,
    GateFailed,
    IntegrityError,
    LakemintError,
    StoreUnavailable,
    VersionNotFound,
    VersionRevised,
)
from lakemint.feed.manifest import CHANNEL_BYTES
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Moved, Order
from lakemint.published.records import MAX_HISTORY
from lakemint.published.version_record import read_version
from lakemint.published.words import MAX_BY, MAX_REASON
from lakemint.store import Store, open_store
from tests.unit.published.shaky import Shaky, failing
from tests.unit.small_version import publish, publish_judged, rewrite, row, settings

PRODUCTION = Channel("notes", "production")
AT = "2026-11-22T12:00:00+00:00"
ANA, BEN = Order("ana", AT, "better labels"), Order("ben", AT)
FILE = "published/notes/channels/production.json"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A lake with notes@1 … notes@4, all passed."""
    config = settings(tmp_path)
    for number in range(4):
        publish_judged(config, [row(number)])
    return config


class Road:
    """The functions, of one lake and one channel."""

    def __init__(self, config: Config, store: Store | None = None) -> None:
        self.store, self.lake = store or open_store(config), Lake(config.lake)

    def promote(self, number: int, order: Order = ANA) -> Moved:
        return channels.promote(self.store, self.lake, PRODUCTION, number, order)

    def rollback(self, to: int | None = None, order: Order = BEN) -> Moved:
        return channels.rollback(self.store, self.lake, PRODUCTION, order, to)

    def held(self) -> list[int]:
        """Versions, newest first."""
        return [position.version for position in channels.history(self.store, self.lake, PRODUCTION)]


@pytest.fixture
def road(config: Config) -> Road:
    return Road(config)


def test_the_first_promotion_makes_the_channel(config: Config, road: Road) -> None:
    moved = road.promote(2)
    assert (moved.changed, moved.before) == (True, None)
    record = channels.read(road.store, road.lake, PRODUCTION)
    assert record == moved.record
    assert (record.version, record.by, record.reason, record.kind) == (2, "ana", "better labels", "promotion")
    assert (record.moved_at, record.history, len(record.verdicts)) == (AT, [], 2)
    assert record.manifest == lakemint.open("notes@2", config=config).digest
    assert lakemint.open("notes@production", config=config).name == "notes@2"


def test_promoting_to_where_it_stands_changes_nothing(road: Road) -> None:
    first = road.promote(2)
    before = road.store.stat(FILE)
    again = road.promote(2, BEN)
    assert (again.changed, again.record) == (False, first.record)
    assert road.store.stat(FILE) == before


def test_a_version_that_was_looked_at_is_promoted_only_as_it_was(road: Road) -> None:
    seen = read_version(road.store, road.lake, "notes", 2).manifest
    with pytest.raises(VersionRevised, match=f"notes@2 is {seen[:12]} now, not 0000"):
        road.promote(2, replace(ANA, manifest="0" * 64))
    assert road.store.stat(FILE) is None
    assert road.promote(2, replace(ANA, manifest=seen)).changed


def test_every_move_is_remembered_newest_first(road: Road) -> None:
    for number in (1, 3, 2):
        moved = road.promote(number)
    assert moved.before is not None
    assert moved.before.version == 3
    assert road.held() == [2, 3, 1]
    moves = [position.move for position in channels.history(road.store, road.lake, PRODUCTION)]
    assert len(set(moves)) == 3


def test_nothing_unjudged_is_promoted_nor_rolled_back_to(config: Config, road: Road) -> None:
    road.promote(1)
    road.promote(2)
    publish(config, [row(9)])
    with pytest.raises(GateFailed, match="notes@5 cannot be promoted"):
        road.promote(5)
    for item in list(road.store.list("verdicts/notes/gold/")):
        (Path(config.lake.removeprefix("file://")) / item.key).unlink()
    for number in (3, 2):
        with pytest.raises(GateFailed, match="not in the lake"):
            road.promote(number)
    with pytest.raises(GateFailed, match="not in the lake"):
        road.rollback()
    assert road.held() == [2, 1]
    with pytest.raises(VersionNotFound, match="notes@7: no such version; there are notes@1"):
        road.promote(7)


def test_a_dry_run_checks_everything_and_moves_nothing(config: Config, road: Road) -> None:
    dry = Order("ana", AT, dry_run=True)
    assert road.promote(1, dry).changed
    assert road.store.stat(FILE) is None
    road.promote(1)
    road.promote(2)
    moved = road.rollback(None, dry)
    assert (moved.record.version, moved.before and moved.before.version) == (1, 2)
    publish(config, [row(9)])
    with pytest.raises(GateFailed):
        road.promote(5, dry)
    assert road.held() == [2, 1]


def test_an_expectation_is_kept(road: Road) -> None:
    with pytest.raises(
        ChannelMoved, match="notes@production is not there; you expected it at notes@2, so nothing"
    ):
        road.promote(1, Order("ben", AT, expect=2))
    assert road.promote(1, Order("ana", AT, expect=0)).changed
    assert road.promote(2, Order("ana", AT, expect=1)).changed
    for expect in (0, 1):
        with pytest.raises(
            ChannelMoved, match=r"stands at notes@2 since .* by a promotion of ana; you expected it"
        ):
            road.promote(3, Order("ben", AT, expect=expect))
    with pytest.raises(ChannelMoved):
        road.rollback(None, Order("ben", AT, expect=1))
    # The same order again, after a crash or a lost reply, finds its work done.
    assert not road.promote(2, Order("ana", AT, expect=1)).changed
    assert road.held() == [2, 1]


def test_rolling_back_twice_goes_back_twice(road: Road) -> None:
    for number in (1, 2, 3):
        road.promote(number)
    moved = road.rollback()
    assert (moved.record.version, moved.record.kind, moved.record.by) == (2, "rollback", "ben")
    assert road.rollback().record.version == 1
    with pytest.raises(
        LakemintError, match="stands at notes@1 and there is nothing before it to roll back to"
    ):
        road.rollback()
    road.promote(4)
    assert road.rollback().record.version == 1
    assert road.held() == [1, 4, 1, 2, 3, 2, 1]


def test_rolling_back_returns_to_the_last_time_it_stood_there(road: Road) -> None:
    for number in (1, 2, 1, 3):
        road.promote(number)
    assert [road.rollback().record.version for _ in range(3)] == [1, 2, 1]


def test_rolling_back_to_a_version_it_held(road: Road) -> None:
    for number in (1, 2, 3):
        road.promote(number)
    assert road.rollback(1).record.version == 1
    assert not road.rollback(1).changed
    assert road.rollback(3).record.version == 3  # held once, though rolled back since
    assert road.rollback().record.version == 1
    with pytest.raises(LakemintError, match="never stood at notes@4: it held notes@1, notes@2, notes@3"):
        road.rollback(4)


def test_a_channel_that_is_not_there_names_those_that_are(road: Road) -> None:
    with pytest.raises(
        VersionNotFound, match=r"notes has no channel yet; `lakemint promote notes@<number> --to"
    ):
        road.rollback()
    for name in ("staging", "canary"):
        channels.promote(road.store, road.lake, Channel("notes", name), 1, ANA)
    with pytest.raises(VersionNotFound, match="no such channel; there are notes@canary, notes@staging"):
        channels.history(road.store, road.lake, PRODUCTION)
    found = channels.listing(road.store, road.lake, "notes")
    assert [record.channel for record in found] == ["canary", "staging"]


@pytest.mark.parametrize("start", [None, 1])
def test_who_was_slower_is_told_by_whom_and_moves_nothing(
    config: Config, road: Road, start: int | None
) -> None:
    if start:
        road.promote(start)
    shaky = Shaky(road.store)
    shaky.before = lambda: road.promote(3, ANA)
    words = "someone else was faster: .* stands at notes@3 since .* ana .better labels.; nothing was"
    with pytest.raises(ChannelMoved, match=words):
        Road(config, shaky).promote(2, BEN)
    assert road.held() == [3, *([start] if start else [])]


def test_who_was_slower_to_the_same_version_finds_it_done(config: Config, road: Road) -> None:
    road.promote(1)
    shaky = Shaky(road.store)
    shaky.before = lambda: road.promote(2, ANA)
    moved = Road(config, shaky).promote(2, BEN)
    assert (moved.changed, moved.record.by) == (False, "ana")
    assert road.held() == [2, 1]


@pytest.mark.parametrize("start", [None, 1])
@pytest.mark.parametrize("overtaken", [False, True])
def test_a_lost_reply_is_settled_by_reading_back(
    config: Config, road: Road, start: int | None, overtaken: bool
) -> None:
    """Also when someone moved the channel on before we looked."""
    if start:
        road.promote(start)
    shaky = Shaky(road.store)

    def lose() -> None:
        if overtaken:
            road.promote(3, BEN)
        raise StoreUnavailable("the reply is lost")

    shaky.after = lose
    assert Road(config, shaky).promote(2).changed
    assert road.held() == [*([3] if overtaken else []), 2, *([start] if start else [])]


def test_a_write_that_did_not_happen_is_told(config: Config, road: Road) -> None:
    road.promote(1)
    shaky = Shaky(road.store)
    shaky.before = failing(StoreUnavailable("the store is away"))
    with pytest.raises(StoreUnavailable, match="the store is away"):
        Road(config, shaky).promote(2)
    assert road.held() == [1]


def test_a_channel_that_moves_while_it_is_read_is_read_again(config: Config, road: Road) -> None:
    class Moving:
        """Between stat and open, someone promotes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(road.store, name)

        def stat(self, key: str) -> Any:
            there = road.store.stat(key)
            if len(road.held()) < 4:
                road.promote(len(road.held()) + 1)
            return there

    road.promote(1)
    record = channels.read(Moving(), road.lake, PRODUCTION)
    assert record.version == 4


def _promote_at_once(config: Config, start: "multiprocessing.synchronize.Event", turn: int, won: Any) -> None:
    road, name = Road(config), f"process {turn}"
    start.wait()
    for step in range(8):
        try:
            if road.promote(1 + (turn + step) % 4, Order(name, AT)).changed:
                won.put(name)
        except ChannelMoved:
            pass


def test_processes_promoting_at_once_leave_one_history(config: Config, road: Road) -> None:
    """What each process believes to have moved is what the history says, and every step is one move."""
    context = multiprocessing.get_context("fork")
    start, won = context.Event(), context.Queue()
    crowd = [context.Process(target=_promote_at_once, args=(config, start, turn, won)) for turn in range(4)]
    for process in crowd:
        process.start()
    start.set()
    for process in crowd:
        process.join(60)
        assert process.exitcode == 0
    history = channels.history(road.store, road.lake, PRODUCTION)
    winners = [won.get(timeout=10) for _ in history]
    assert won.empty()
    assert sorted(winners) == sorted(position.by for position in history)
    assert all(one.version != other.version for one, other in pairwise(history))


def test_the_oldest_positions_are_forgotten_and_the_fullest_record_can_be_read(
    config: Config, road: Road
) -> None:
    wide = Order("\U0001f600" * MAX_BY, AT, "\U0001f600" * MAX_REASON)
    record = road.promote(1, wide).record
    full = record.model_copy(update={"history": [record.position] * MAX_HISTORY})
    road.store.put(FILE, full.model_dump_json().encode())
    moved = road.promote(2, wide)
    assert len(moved.record.history) == MAX_HISTORY
    stored = road.store.stat(FILE)
    assert stored is not None
    assert stored.size < CHANNEL_BYTES / 2
    assert lakemint.open("notes@production", config=config).number == 2


def test_what_a_later_lakemint_adds_is_kept(road: Road) -> None:
    record = json.loads(road.promote(1).record.model_dump_json())
    road.store.put(FILE, json.dumps({**record, "approved_by": "eve"}).encode())
    assert road.promote(2).record.history[0].model_dump()["approved_by"] == "eve"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "lakemint.channel/2"}, "lakemint.channel/2.*upgrade"),
        ({"version": 0}, "version"),
        ({"version": "1"}, "version"),
        ({"manifest": "../x"}, "manifest"),
        ({"history": [{}]}, r"history\.0\.version"),
        ({"history": None}, "history"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason"),
    ],
)
def test_a_record_we_cannot_read_says_why_and_is_not_replaced(
    road: Road, change: dict[str, Any], words: str
) -> None:
    record = json.loads(road.promote(1).record.model_dump_json())
    damaged = json.dumps({**record, **change}).encode()
    road.store.put(FILE, damaged)
    for call in (lambda: road.promote(2), road.rollback, road.held):
        with pytest.raises(FormatError, match=f"{FILE}: .*{words}"):
            call()
    assert road.store.get(FILE) == damaged


def test_a_channel_copied_from_another_is_refused(road: Road) -> None:
    channels.promote(road.store, road.lake, Channel("notes", "staging"), 1, ANA)
    road.store.put(FILE, road.store.get(FILE.replace("production", "staging")))
    with pytest.raises(IntegrityError, match="it is the record of another channel"):
        road.promote(2)


def test_a_version_that_became_another_is_not_promoted_again(config: Config, road: Road) -> None:
    road.promote(1)
    road.promote(2)
    path = Path(config.lake.removeprefix("file://")) / "published/notes/versions/00000001.json"
    other = lakemint.open("notes@3", config=config).digest
    rewrite(path, manifest=other)
    words = r"00000001\.json: its manifest is not the one that notes@production stood at"
    with pytest.raises(IntegrityError, match=words):
        road.promote(1)
    with pytest.raises(IntegrityError, match=words):
        road.rollback()


@pytest.mark.parametrize(
    ("by", "reason"),
    [("", ""), (" ", ""), ("a" * 101, ""), ("ana\n", ""), ("a", "\x1b[2J"), ("a", "x" * 501)],
)
def test_who_and_why_are_short_printable_lines(by: str, reason: str) -> None:
    with pytest.raises(LakemintError, match=r"write one line of at most|name who does"):
        Order(by, AT, reason)


@pytest.mark.parametrize("name", ["3", "3rd", "Production", "a", "../x", "a.b", "", "x" * 49])
def test_a_channel_is_named_like_everything_else_never_like_a_number(name: str) -> None:
    with pytest.raises(LakemintError, match="is no channel name: use 2 to 48 of a-z"):
        Channel("notes", name)
