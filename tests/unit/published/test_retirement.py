"""A retired version opens no more and can be restored until its files go; its number is never used again."""

import json
from itertools import count
from pathlib import Path

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import FormatError, LakemintError, StoreUnavailable, VersionNotFound, VersionRetired
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.publish.erasure import Eraser, Sought
from lakemint.publish.signing import Signing
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.published.garbage import find_garbage
from lakemint.published.leases import lease
from lakemint.published.retirement import restore
from lakemint.published.retirement import retire as take_away
from lakemint.published.verify import verify
from lakemint.published.version_record import read_version
from lakemint.subjects import Subjects
from tests.unit.failing import Failing
from tests.unit.published.retired import (
    FIRST,
    ROWS,
    SECOND,
    SHARED,
    alone,
    keys,
    opened,
    own,
    publish_three,
    read,
    retire,
    sweep,
    why,
)
from tests.unit.small_version import (
    DATASET,
    WHEN,
    Row,
    publish,
    row,
    settings,
)

PRODUCTION = Channel(DATASET, "production")
NEWEST = Reference(DATASET, 3)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return publish_three(settings(tmp_path))


def test_a_retired_version_does_not_open_and_the_error_says_who_when_why_and_what_else(
    config: Config,
) -> None:
    record = retire(config)
    assert record.retired
    with pytest.raises(VersionRetired) as told:
        lakemint.open("notes@1", config=config)
    assert str(told.value) == (
        f"notes@1 was retired on {record.retired.at:%Y-%m-%d %H:%M} UTC by ana: mislabeled; "
        "in use, newest first: notes@3, notes@2 "
        "(`lakemint version restore notes@1` brings it back while its files are there)"
    )
    assert read(config, "notes@2") == read(config, "notes@3") == ROWS
    assert verify(config, FIRST).sound
    assert read_version(*opened(config), DATASET, 1) == record


def test_what_was_opened_before_reads_on_while_the_files_are_there_and_is_told_then(config: Config) -> None:
    version = lakemint.open("notes@1", config=config)
    retire(config)
    sweep(config)
    with pytest.raises(VersionRetired, match=r"notes@1 was retired on .* by ana: mislabeled; .*gone"):
        version["train"].to_table()


def test_neither_the_newest_version_nor_one_that_a_channel_stands_at_is_retired(config: Config) -> None:
    store, lake = opened(config)
    channels.promote(store, lake, PRODUCTION, 1, Order("ana", WHEN))
    before = {key: store.get(key) for key in keys(config)}
    with pytest.raises(LakemintError, match="notes@3 is the newest version"):
        retire(config, NEWEST)
    with pytest.raises(LakemintError, match="notes@1: notes@production stands at it: move that on first"):
        retire(config)
    assert {key: store.get(key) for key in keys(config)} == before
    channels.promote(store, lake, PRODUCTION, 2, Order("ana", WHEN))
    assert retire(config).retired


def test_a_version_that_is_not_there_and_no_reason_are_errors(config: Config) -> None:
    with pytest.raises(VersionNotFound, match="notes@9: no such version"):
        retire(config, Reference(DATASET, 9))
    for reason, words in (
        ("", "say why"),
        (" ", "say why"),
        ("a\nb", "one line"),
        ("x" * 501, "at most 500"),
    ):
        wrong = why().model_copy(update={"reason": reason})
        with pytest.raises(LakemintError, match=words):
            take_away(*opened(config), FIRST, wrong)
    assert read(config, "notes@1") == ROWS


def test_a_dry_run_checks_all_and_writes_nothing(config: Config) -> None:
    store, lake = opened(config)
    before = {key: store.get(key) for key in keys(config)}
    record, changed = take_away(store, lake, FIRST, why(), dry_run=True)
    assert changed
    assert record.retired
    with pytest.raises(LakemintError, match="newest"):
        take_away(store, lake, NEWEST, why(), dry_run=True)
    assert {key: store.get(key) for key in keys(config)} == before


def test_retired_again_it_says_who_was_first_and_restored_again_nothing_changes(config: Config) -> None:
    first = retire(config)
    store, lake = opened(config)
    later = why().model_copy(update={"by": "ben"})
    assert take_away(store, lake, FIRST, later) == (first, False)
    back, changed = restore(store, lake, FIRST)
    assert (back.retired, changed) == (None, True)
    assert restore(store, lake, FIRST) == (back, False)
    assert read(config, "notes@1") == ROWS
    assert take_away(store, lake, FIRST, later)[1]


def test_restored_the_record_is_byte_for_byte_what_it_was(config: Config) -> None:
    store, lake = opened(config)
    before = store.get(lake.version(DATASET, 1))
    retire(config)
    restore(store, lake, FIRST)
    assert store.get(lake.version(DATASET, 1)) == before


def test_the_number_is_never_used_again(config: Config) -> None:
    retire(config)
    retire(config, SECOND)
    sweep(config)
    assert publish(config, [row(99)])[0].version == 4
    again = publish(config, [*SHARED, *alone(1)])[0]
    assert again.version == 5
    with pytest.raises(VersionRetired):
        lakemint.open("notes@1", config=config)


@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
def test_cut_off_at_any_write_it_is_retired_or_not_and_doing_it_again_completes_it(
    config: Config, done: bool
) -> None:
    store, lake = opened(config)
    for at in count():
        failing = Failing(store, at, done)
        try:
            changed = take_away(failing, lake, FIRST, why())[1]
        except StoreUnavailable:
            changed = False
        there = read_version(store, lake, DATASET, 1).retired
        # A lost reply is settled by reading back.
        assert bool(there) == changed == (done or not failing.has_failed)
        if not failing.has_failed:
            return
        assert take_away(store, lake, FIRST, why())[0].retired
        restore(store, lake, FIRST)


@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
def test_a_restore_that_is_cut_off_at_any_write_is_completed_by_the_next(config: Config, done: bool) -> None:
    store, lake = opened(config)
    for at in count():
        retire(config)
        failing = Failing(store, at, done)
        try:
            restore(failing, lake, FIRST)
        except StoreUnavailable:
            assert failing.has_failed
        restore(store, lake, FIRST)
        assert read(config, "notes@1") == ROWS
        if not failing.has_failed:
            return


def test_while_somebody_collects_nothing_is_restored(config: Config) -> None:
    store, lake = opened(config)
    retire(config)
    with (
        lease(store, lake, DATASET, "collect"),
        pytest.raises(LakemintError, match="notes is being swept"),
    ):
        restore(store, lake, FIRST)


def test_a_retired_version_is_not_promoted_nor_rolled_back_to(config: Config) -> None:
    store, lake = opened(config)
    for number in (1, 2, 3):
        channels.promote(store, lake, PRODUCTION, number, Order("ana", WHEN))
    retire(config)
    retire(config, SECOND)
    said = r"was retired on .* in use, newest first: notes@3 "
    with pytest.raises(VersionRetired, match=said):
        channels.promote(store, lake, PRODUCTION, 1, Order("ana", WHEN))
    with pytest.raises(VersionRetired, match=said):
        channels.rollback(store, lake, PRODUCTION, Order("ana", WHEN))
    assert channels.read(store, lake, PRODUCTION).version == 3


@pytest.mark.parametrize("state", ["whole", "in part", "gone"])
def test_an_erasure_takes_rows_from_what_is_there_of_a_retired_version(config: Config, state: str) -> None:
    store, lake = opened(config)
    sample = alone(1)[0]["sample_id"].encode()
    retire(config)
    if state == "in part":
        (other,) = (key for key in own(config)[:-1] if sample not in store.get(key))
        store.delete(other)
    elif state == "gone":
        sweep(config)
    erase(config, alone(1)[0])
    assert not [key for key in keys(config) if sample in store.get(key)]
    there = read_version(store, lake, DATASET, 1)
    assert there.retired
    assert bool(there.revisions) == (state == "whole")
    if state == "whole":
        restore(store, lake, FIRST)
        assert read(config, "notes@1") == ROWS - 1
    else:
        with pytest.raises(VersionRetired, match="files of it are gone"):
            restore(store, lake, FIRST)


def erase(config: Config, gone: Row) -> None:
    store, lake = opened(config)
    sought = Sought(frozenset({gone["sample_id"]}), Subjects("author", "nobody"))
    signing, name = Signing(store, lake, DATASET, None), "6f7e0f1c-0000-4000-8000-000000000001"
    eraser = Eraser(store, lake, DATASET, sought=sought, erasure=name, signing=signing)
    with lease(store, lake, DATASET, "erase", name) as held:
        eraser.run(held)


@pytest.mark.parametrize("harm", ["{", '{"format": "lakemint.version/1"}'])
def test_what_says_that_a_version_is_retired_is_checked(config: Config, harm: str) -> None:
    path = Path(config.lake.removeprefix("file://"), Lake(config.lake).version(DATASET, 1))
    for wrong in ({"at": "yesterday"}, {"at": "2026-11-23T12:00:00"}, {"by": 7}, {}):
        plain = {**why().model_dump(mode="json"), **wrong} if wrong else {"by": "ana"}
        record = {**json.loads(path.read_text()), "retired": plain}
        record.pop("seal")
        path.write_text(json.dumps({**record, "seal": None}))
        with pytest.raises(FormatError, match=r"00000001.json"):
            lakemint.open("notes@1", config=config)
        with pytest.raises(FormatError, match=r"00000001.json: retired"):
            find_garbage(*opened(config), DATASET)
