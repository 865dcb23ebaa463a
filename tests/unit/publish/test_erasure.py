"""What is left of versions when some of their rows were erased: all the others, and no byte of those."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.digest import sha256
from lakemint.errors import IntegrityError, LakemintError, SignatureError, StoreUnavailable, VersionRevised
from lakemint.keys import create_keys, public_path
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.publish.commit import commit, newest
from lakemint.publish.erasure import Eraser, Search, Sought
from lakemint.publish.keep import keep
from lakemint.publish.shards import encode
from lakemint.publish.signing import Signing
from lakemint.published import channels
from lakemint.published.channels import Order, promote
from lakemint.published.columns import arrow_schema
from lakemint.published.garbage import find_garbage
from lakemint.published.leases import Kind, lease
from lakemint.published.records import FileRecord, SplitRecord, read_manifest
from lakemint.published.shards import GONE
from lakemint.published.verify import verify
from lakemint.published.version_record import Revision, read_version
from lakemint.store import Store, open_store
from lakemint.subjects import Subjects
from tests.unit.failing import Failing
from tests.unit.small_version import (
    COLUMNS,
    DATASET,
    WHEN,
    Row,
    manifest_and_shards,
    publish,
    publish_judged,
    row,
    settings,
)

KINDS: tuple[Kind, ...] = ("publish", "collect", "erase")
NOBODY = Subjects("author", "nobody")
ERASURE = "6f7e0f1c-0000-4000-8000-000000000001"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


def sought(*rows: Row, subjects: Subjects = NOBODY) -> Sought:
    return Sought(frozenset(one["sample_id"] for one in rows), subjects)


def erase(
    config: Config, what: Sought, store: Store | None = None, erasure: str = ERASURE
) -> list[tuple[int, Revision]]:
    store, lake = store or open_store(config), Lake(config.lake)
    signing = Signing.of(config, store, lake, DATASET)
    eraser = Eraser(store, lake, DATASET, sought=what, erasure=erasure, signing=signing)
    with lease(store, lake, DATASET, "erase", erasure) as held:
        return eraser.run(held)


def found(config: Config, number: int) -> list[dict[str, Any]]:
    version = lakemint.open(f"{DATASET}@{number}", config=config)
    rows = [one for split in version.splits for one in version[split].to_table().to_pylist()]
    return sorted(rows, key=lambda one: str(one["sample_id"]))


def plain(*rows: Row) -> list[dict[str, Any]]:
    """Rows as they are read."""
    held = [{name: one[name] for name, _ in COLUMNS} for one in rows]
    return sorted(held, key=lambda one: str(one["sample_id"]))


def stored(config: Config) -> Iterator[bytes]:
    for folder in (config.lake.removeprefix("file://"), config.cache):
        yield from (path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())


def sound(config: Config, number: int) -> bool:
    return verify(config, Reference(DATASET, number)).sound


def test_every_version_keeps_its_number_and_is_short_by_those_rows(config: Config) -> None:
    shared, gone, other = row(0), row(1, text="PLANTED"), row(2)
    one, two = publish(config, [shared, gone])[0], publish(config, [shared, gone, other])[0]
    done = erase(config, sought(gone))
    assert [(number, revision.rows) for number, revision in done] == [(1, 1), (2, 1)]
    assert [revision.manifest for _, revision in done] == [one.manifest, two.manifest]
    assert found(config, 1) == plain(shared)
    assert found(config, 2) == plain(shared, other)
    assert sound(config, 1)
    assert sound(config, 2)
    assert not any(b"PLANTED" in data for data in stored(config))
    assert find_garbage(open_store(config), Lake(config.lake), DATASET).objects == []


def test_the_manifest_says_how_many_went_and_of_what_it_was_made(config: Config) -> None:
    before = publish(config, [row(n) for n in range(6)])[0]
    erase(config, sought(row(1), row(2)))
    erase(config, sought(row(3)), erasure="another")
    record = read_version(open_store(config), Lake(config.lake), DATASET, 1)
    manifest = lakemint.open(f"{DATASET}@1", config=config).manifest
    first, second = record.revisions
    assert (first.manifest, first.rows, first.erasure) == (before.manifest, 2, ERASURE)
    assert manifest["revises"] == second.manifest
    assert (manifest["erased"], manifest["counts"]["published"], manifest["counts"]["raw"]) == (3, 3, 6)
    assert manifest["splits"]["train"]["labels"] == {"a": 2, "b": 1}
    assert record.published_at == before.published_at
    assert record.publication == before.publication


def test_rows_that_name_the_subject_go_however_it_is_written(config: Config) -> None:
    columns = (*COLUMNS, ("author", "string"))
    names = ["Ana Ruíz", " Ana\tRui\u0301z ", "ana ruíz", None, "Ana Ruíz II"]
    rows = [row(n, author=name) for n, name in enumerate(names)]
    publish(config, rows, columns)
    ((_, revision),) = erase(config, sought(subjects=Subjects("author", "Ana  Ruíz")))
    assert revision.rows == 2
    assert {one["author"] for one in found(config, 1)} == {"ana ruíz", None, "Ana Ruíz II"}


def test_what_somebody_else_gave_too_stays_where_he_is_named(config: Config) -> None:
    """The same content is the same sample: which of those who gave it a version names is chance."""
    columns = (*COLUMNS, ("author", "string"))
    shared = row(0)
    for author in ("Bob", None, "Ana"):
        publish(config, [{**shared, "author": author}, row(1, author="Bob")], columns)
    erase(config, sought(shared, subjects=Subjects("author", "Ana")))
    assert [len(found(config, number)) for number in (1, 2, 3)] == [2, 1, 1]


def test_again_or_for_nobody_it_changes_nothing(config: Config) -> None:
    publish(config, [row(0), row(1)])
    done = erase(config, sought(row(1)))
    assert len(done) == 1
    before = sorted(stored(config))
    assert erase(config, sought(row(1))) == done
    assert erase(config, sought(row(9)), erasure="another") == []
    assert sorted(stored(config)) == before


def test_what_a_killed_publisher_left_goes_where_it_holds_such_rows(config: Config) -> None:
    publish(config, [row(0)])
    store, lake = open_store(config), Lake(config.lake)
    for left in (row(1, text="PLANTED"), row(2, text="other")):
        for digest, data in manifest_and_shards([left])[1].items():
            keep(store, lake.shard(DATASET, digest), data)
    keep(store, lake.shard(DATASET, "0" * 64), b"PLANTED, and no Arrow file")
    assert erase(config, sought(row(1))) == []
    assert not any(b"PLANTED" in data for data in stored(config))
    assert any(b"other" in data for data in stored(config))


def test_a_version_of_only_those_rows_is_empty_and_opens(config: Config) -> None:
    publish(config, [row(0), row(1)])
    erase(config, sought(row(0), row(1)))
    assert found(config, 1) == []
    assert sound(config, 1)


def lay_over(config: Config, **values: Any) -> None:
    """A version more, whose only shard has an overlay: of its first row, with these values."""
    store, lake = open_store(config), Lake(config.lake)
    before = newest(store, lake, DATASET)
    assert before is not None
    manifest = read_manifest(store, lake, DATASET, before.manifest)
    columns = (*COLUMNS, (GONE, "bool"))
    first = {name: None for name, _ in COLUMNS} | {GONE: False} | values
    data = encode(pa.Table.from_pylist([first], schema=arrow_schema(columns)), columns)
    keep(store, lake.shard(DATASET, sha256(data)), data)
    (shard,) = manifest.splits["train"].shards
    overlay = FileRecord(sha256=sha256(data), bytes=len(data), rows=1)
    rows = shard.rows - bool(first[GONE])
    split = SplitRecord(
        rows=rows,
        labels={"a": rows},
        shards=[shard.model_copy(update={"overlays": [overlay], "rows": rows})],
    )
    after = manifest.model_copy(
        update={
            "splits": {"train": split},
            "counts": manifest.counts.model_copy(update={"published": rows, "raw": rows}),
        }
    )
    with lease(store, lake, DATASET, "publish") as held:
        commit(store, lake, after, held, lambda: WHEN, after=before)


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_an_overlay_hides_goes_too(config: Config, is_gone: bool) -> None:
    planted, other = row(0, text="PLANTED"), row(6)
    publish(config, [planted, other])
    values = {GONE: True} if is_gone else {"text": "newer", "label": "a", "stars": 0}
    lay_over(config, sample_id=planted["sample_id"], **values)
    assert len(found(config, 2)) == (1 if is_gone else 2)
    done = erase(config, sought(planted))
    assert [(number, revision.rows) for number, revision in done] == [(1, 1), (2, 0 if is_gone else 1)]
    for number in (1, 2):
        assert found(config, number) == plain(other)
        assert sound(config, number)
    assert not any(b"PLANTED" in data or b"newer" in data for data in stored(config))


def test_overlays_of_other_rows_stay(config: Config) -> None:
    publish(config, [row(0), row(6)])
    lay_over(config, sample_id=row(0)["sample_id"], text="newer", label="a", stars=0)
    assert erase(config, sought(row(9))) == []
    assert found(config, 2) == plain(row(0, text="newer"), row(6))


def test_what_was_signed_is_signed_again_and_nothing_else(tmp_path: Path) -> None:
    create_keys(tmp_path / "key.pem")
    key, trusted = str(tmp_path / "key.pem"), str(public_path(tmp_path / "key.pem"))
    config = replace(settings(tmp_path), trusted_keys=trusted)
    signed = publish(config, [row(0), row(1)])[0]
    publish(config, [row(0), row(1), row(2)])
    store, lake = open_store(config), Lake(config.lake)
    Signing.of(replace(config, signing_key=key), store, lake, DATASET).sign(signed.manifest)
    with pytest.raises(SignatureError, match="notes@1 is signed by"):
        erase(config, sought(row(1)))
    eraser = Eraser(
        store,
        lake,
        DATASET,
        sought=sought(row(1)),
        erasure="x",
        signing=Signing.of(config, store, lake, DATASET),
    )
    with pytest.raises(SignatureError, match="notes@1 is signed by"):
        eraser.search()  # known before anything goes
    assert len(found(config, 1)) == 2, "nothing went"
    erase(replace(config, signing_key=key), sought(row(1)))
    assert found(config, 1) == plain(row(0))
    with pytest.raises(SignatureError, match="nobody signed it"):
        found(config, 2)


def test_a_loader_that_holds_the_old_one_is_told(config: Config) -> None:
    publish(config, [row(0), row(1)])
    version = lakemint.open(f"{DATASET}@1", config=config)
    erase(config, sought(row(1)))
    with pytest.raises(VersionRevised, match=r"notes@1: rows were erased .* open it again"):
        version["train"].to_table()
    assert found(config, 1) == plain(row(0))


def test_copies_in_the_cache_go_when_it_is_opened(config: Config) -> None:
    publish(config, [row(0), row(1, text="PLANTED")])
    found(config, 1)
    erase(config, sought(row(1)))
    assert any(b"PLANTED" in data for data in stored(config))
    found(config, 1)
    assert not any(b"PLANTED" in data for data in stored(config))


def test_channels_go_on_standing_where_they_stood(config: Config) -> None:
    publish_judged(config, [row(0), row(1)])
    store, lake, channel = open_store(config), Lake(config.lake), Channel(DATASET, "production")
    order = Order("ana", WHEN)
    promote(store, lake, channel, 1, order)
    erase(config, sought(row(1)))
    assert len(lakemint.open(f"{DATASET}@production", "train", config=config)) == 1
    assert not promote(store, lake, channel, 1, order).changed
    assert channels.read(store, lake, channel).version == 1


def test_nobody_publishes_or_collects_or_erases_meanwhile(config: Config) -> None:
    publish(config, [row(0)])
    store, lake = open_store(config), Lake(config.lake)
    with lease(store, lake, DATASET, "erase"):
        for kind in KINDS:
            with pytest.raises(LakemintError, match="by an erasure"), lease(store, lake, DATASET, kind):
                pass
    with lease(store, lake, DATASET, "publish"), pytest.raises(LakemintError, match="being published"):
        erase(config, sought(row(0)))


def test_once_rows_may_have_gone_others_wait_until_all_have(config: Config) -> None:
    """Else somebody would publish out of tables that are half erased."""
    store, lake = open_store(config), Lake(config.lake)
    with pytest.raises(StoreUnavailable), lease(store, lake, DATASET, "erase", ERASURE):
        raise StoreUnavailable("while it searched")
    with pytest.raises(StoreUnavailable), lease(store, lake, DATASET, "erase", ERASURE) as held:
        held.keep()
        raise StoreUnavailable("while it removed")
    with pytest.raises(LakemintError, match="by an erasure"), lease(store, lake, DATASET, "publish"):
        pass
    with lease(store, lake, DATASET, "erase", ERASURE) as held:
        held.keep()
    with lease(store, lake, DATASET, "publish"):
        pass


def test_a_version_that_cannot_be_read_is_not_called_erased(config: Config) -> None:
    publish(config, [row(0), row(1)])
    for path in Path(config.lake.removeprefix("file://")).rglob("*.arrow"):
        path.unlink()
    with pytest.raises(IntegrityError, match="gone"):
        erase(config, sought(row(1)))


@pytest.mark.parametrize("done", [False, True])
def test_cut_off_at_any_write_and_run_again_it_is_complete(tmp_path: Path, done: bool) -> None:
    started = settings(tmp_path / "started")
    publish(started, [row(0), row(1, text="PLANTED")])
    publish(started, [row(0), row(1, text="PLANTED"), row(2)])
    for at in count():
        config = settings(tmp_path / str(at))
        shutil.copytree(tmp_path / "started", tmp_path / str(at))
        store: Any = Failing(open_store(config), at, done)
        with suppress(StoreUnavailable):
            erase(config, sought(row(1)), store)
        assert (len(found(config, 1)), len(found(config, 2))) in {(2, 3), (1, 3), (1, 2)}
        assert [number for number, _ in erase(config, sought(row(1)))] == [1, 2]
        assert found(config, 1) == plain(row(0))
        assert found(config, 2) == plain(row(0), row(2))
        assert not any(b"PLANTED" in data for data in stored(config))
        if not store.has_failed:
            assert at >= 7
            return


@checks(max_examples=15)
@given(
    versions=st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=4),
    erased=st.lists(st.sets(st.integers(0, 12)), max_size=2),
)
def test_whatever_is_erased_the_rest_stays(versions: list[set[int]], erased: list[set[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = settings(Path(folder))
        for number, there in enumerate(versions):
            publish(config, [row(n) for n in there], lakemint=str(number))
        gone: set[int] = set()
        for number, these in enumerate(erased):
            gone |= these
            what = sought(*(row(n) for n in these))
            would = Search(open_store(config), Lake(config.lake), DATASET, what).versions()
            did = erase(config, what, erasure=str(number))
            assert would == [(version, revision.rows) for version, revision in did]
        for number, there in enumerate(versions, 1):
            assert found(config, number) == plain(*(row(n) for n in there - gone))
            assert sound(config, number)
