"""The store on the real SeaweedFS, and behind a proxy on its bad days."""

import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from lakemint.config import Config
from lakemint.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.lake import Lake
from lakemint.store import Store, open_store, s3_client
from lakemint.store.safety import require_safe
from tests.integration.fault_proxy import Fault, FaultProxy, at_most, times
from tests.integration.s3_server import serving
from tests.support import at_once, winners

BIG = os.urandom(3_000_000)
ALWAYS = 10_000


@pytest.fixture
def proxy(config: Config) -> Iterator[FaultProxy]:
    proxy = FaultProxy(config.s3_endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def shaky(config: Config, proxy: FaultProxy) -> Store:
    """The same lake as `store`, through the proxy."""
    return open_store(proxy.through(config))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client means to wait before it asks again. They are noted, and do not pass."""
    waits: list[float] = []
    for module in ("botocore.endpoint", "lakemint.store.s3", "lakemint.store.s3_streams"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=waits.append))
    return waits


def test_objects_come_back_whole_and_are_listed(store: Store) -> None:
    keys = ["a/b.txt", "a-b", "a/é ü+%?.txt", "a/b/c", "b"]
    for key in keys:
        store.put(key, key.encode())
    assert sorted((item.key, item.size) for item in store.list("a")) == sorted(
        (key, len(key.encode())) for key in keys if key.startswith("a")
    )
    assert sorted(store.sizes("a/", "a/b")) == sorted((i.key, i.size) for i in store.list("a/", "a/b"))
    for item in store.list(""):
        assert store.get(item.key) == item.key.encode()
        assert store.stat(item.key) == item
        with store.open(item.key, item.etag) as stream:
            assert stream.read(1) + stream.read() == item.key.encode()
    for key in keys:
        for _ in range(2):  # what is not there is deleted already
            store.delete(key)
    assert not [*store.list("")]


def test_more_objects_than_one_page_lists(store: Store) -> None:
    def put(begin: int) -> None:
        for number in range(begin, 1100, 8):
            store.put(f"many/{number:04d}", b"")

    at_once(put, 8)
    assert [item.key for item in store.list("many/")] == [f"many/{number:04d}" for number in range(1100)]


def test_of_many_creations_one_wins(store: Store) -> None:
    for key in (f"race/{turn}" for turn in range(10)):
        won = winners(lambda mark, key=key: store.create(key, b"%d" % mark), 8)  # type: ignore[misc]
        assert [b"%d" % mark for mark in won] == [store.get(key)]


def test_what_is_not_there_or_not_those_bytes_is_named(config: Config, store: Store) -> None:
    assert store.stat("no/thing") is None
    for call in (store.get, store.open):
        with pytest.raises(ObjectNotFound, match="no/thing: no such object"):
            call("no/thing")
    store.put("x", b"123")
    with pytest.raises(ObjectExists, match="x: "):
        store.open("x", "0" * 32)
    with pytest.raises(StoreError, match="x: longer than the 2 bytes"):
        store.get("x", 2)
    assert store.get("x", 3) == b"123"
    with pytest.raises(StoreError, match=r"bucket does not exist.*LAKEMINT_LAKE"):
        open_store(replace(config, lake="s3://nobody-made-this")).get("x")
    with pytest.raises(StoreError, match="refuses these credentials"):
        open_store(replace(config, s3_secret_key="wrong")).get("x")


@pytest.mark.parametrize("losses", [1, 3])
def test_a_lost_reply_to_a_creation_is_settled(
    proxy: FaultProxy, shaky: Store, store: Store, losses: int
) -> None:
    proxy.judge = times(losses, "PUT", "record", Fault(lose_reply=True))
    shaky.create("record", b"mine")
    assert store.get("record") == b"mine"
    assert sum(method == "PUT" for method, _ in proxy.seen) > 1
    with pytest.raises(ObjectExists):
        shaky.create("record", b"other")


def test_a_creation_whose_replies_are_all_lost_is_found_by_reading(
    proxy: FaultProxy, shaky: Store, store: Store, waits: list[float]
) -> None:
    proxy.judge = times(ALWAYS, "PUT", "record", Fault(lose_reply=True))
    with at_most(60, waits):
        shaky.create("record", b"mine")
    assert store.get("record") == b"mine"


def test_a_lost_reply_never_hides_that_another_was_first(
    proxy: FaultProxy, shaky: Store, store: Store
) -> None:
    store.create("record", b"theirs")
    proxy.judge = times(1, "PUT", "record", Fault(lose_reply=True))
    with pytest.raises(ObjectExists):
        shaky.create("record", b"mine")


def etag(store: Store, key: str) -> str:
    there = store.stat(key)
    assert there is not None
    return there.etag


def test_of_many_replacements_one_wins(store: Store) -> None:
    for key in (f"race/{turn}" for turn in range(10)):
        store.create(key, b"before")
        replaced = partial(store.replace, key, etag=etag(store, key))
        won = winners(lambda mark, replaced=replaced: replaced(content=b"%d" % mark), 16)  # type: ignore[misc]
        assert [b"%d" % mark for mark in won] == [store.get(key)]


def test_only_what_is_still_there_is_replaced(store: Store) -> None:
    store.create("x", b"1")
    stale = etag(store, "x")
    store.replace("x", b"2", stale)
    with pytest.raises(ObjectExists, match="x: "):
        store.replace("x", b"3", stale)
    assert store.get("x") == b"2"
    store.replace("x", b"3", etag(store, "x"))
    assert store.get("x") == b"3"
    with pytest.raises(ObjectNotFound, match="no/thing: no such object"):
        store.replace("no/thing", b"1", stale)
    assert store.stat("no/thing") is None


def test_a_file_takes_the_place_of_an_object(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(BIG)
    store.create("x", b"1")
    first = etag(store, "x")
    store.replace("x", file, first)
    assert store.get("x") == BIG
    store.replace("x", file, first)  # done already
    file.write_bytes(b"3")
    with pytest.raises(ObjectExists, match="x: "):
        store.replace("x", file, first)


@pytest.fixture
def bucket(config: Config) -> Iterator[str]:
    """A bucket of the test's own."""
    client, name = s3_client(config), f"versions-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    yield name
    for found in client.list_object_versions(Bucket=name).get("Versions", ()):
        client.delete_object(Bucket=name, Key=found["Key"], VersionId=found["VersionId"])
    client.delete_bucket(Bucket=name)


def test_a_bucket_that_keeps_older_versions_is_known(config: Config, store: Store, bucket: str) -> None:
    assert not store.keeps_versions()
    versioned = open_store(replace(config, lake=f"s3://{bucket}/a"))
    beside = open_store(replace(config, lake=f"s3://{bucket}/b"))
    client = s3_client(config)
    assert not versioned.keeps_versions()
    versioned.put("x", b"before there were any")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert versioned.keeps_versions() and beside.keeps_versions()
    beside.put("x", b"a version from the start")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert not versioned.keeps_versions()
    assert beside.keeps_versions(), "would stay when it is overwritten now"


def test_a_store_that_knows_of_no_versions_keeps_none_and_one_that_does_not_say_is_told() -> None:
    with serving() as server:
        assert not open_store(server.config).keeps_versions()
    with (
        serving("is away") as server,
        pytest.raises(StoreError, match="the bucket lake: the object store refuses"),
    ):
        open_store(server.config).keeps_versions()


@pytest.mark.parametrize("losses", [1, 3, ALWAYS])
def test_a_lost_reply_to_a_replacement_is_settled(
    proxy: FaultProxy, shaky: Store, store: Store, waits: list[float], losses: int
) -> None:
    store.create("pointer", b"before")
    seen = etag(store, "pointer")
    proxy.judge = times(losses, "PUT", "pointer", Fault(lose_reply=True))
    with at_most(60, waits):
        shaky.replace("pointer", b"mine", seen)
    assert store.get("pointer") == b"mine"
    assert sum(method == "PUT" for method, _ in proxy.seen) > 1
    with pytest.raises(ObjectExists):
        store.replace("pointer", b"other", seen)


def test_a_lost_reply_to_a_replacement_never_hides_that_another_was_first(
    proxy: FaultProxy, shaky: Store, store: Store
) -> None:
    store.create("pointer", b"before")
    seen = etag(store, "pointer")
    store.replace("pointer", b"theirs", seen)
    proxy.judge = times(1, "PUT", "pointer", Fault(lose_reply=True))
    with pytest.raises(ObjectExists):
        shaky.replace("pointer", b"mine", seen)
    assert store.get("pointer") == b"theirs"


def test_a_busy_store_is_asked_again(
    proxy: FaultProxy, shaky: Store, store: Store, waits: list[float]
) -> None:
    for method, call in (
        ("PUT", lambda: shaky.create("x", b"1")),
        ("PUT", lambda: shaky.put("x", b"1")),
        ("GET", lambda: shaky.get("x")),
        ("HEAD", lambda: shaky.stat("x")),
        ("GET", lambda: list(shaky.list("x"))),
    ):
        proxy.judge = times(3, method, "", Fault(slow_down=True))
        waits.clear()
        call()
        assert len(waits) >= 3
    assert store.get("x") == b"1"


def test_a_store_that_stays_busy_is_given_up_with_words(
    proxy: FaultProxy, shaky: Store, waits: list[float]
) -> None:
    proxy.judge = times(ALWAYS, "PUT", "", Fault(slow_down=True))
    told = r"x: the object store failed.*try again later"
    with at_most(90, waits), pytest.raises(StoreUnavailable, match=told):
        shaky.put("x", b"1")
    assert (len(proxy.seen), len(waits)) == (9, 8)
    assert sum(waits) > 5  # a busy store is given time


def test_a_store_that_is_down_is_named_in_good_time(config: Config, waits: list[float]) -> None:
    away = open_store(replace(config, s3_endpoint="http://127.0.0.1:9"))
    with (
        at_most(60, waits),
        pytest.raises(StoreUnavailable, match=r"x: the object store does not answer.*doctor"),
    ):
        away.get("x")


@pytest.mark.parametrize("cut", [0, 1, 1_000_000, len(BIG) - 1])
def test_a_stream_that_breaks_goes_on_where_it_broke(
    proxy: FaultProxy, shaky: Store, store: Store, cut: int
) -> None:
    store.put("big", BIG)
    proxy.judge = times(2, "GET", "big", Fault(cut_after=cut))
    assert shaky.get("big") == BIG
    proxy.judge = times(1, "GET", "big", Fault(cut_after=cut))
    with shaky.open("big") as stream:
        assert b"".join(iter(lambda: stream.read(70_001), b"")) == BIG


def test_any_part_of_an_object_is_read_alone(proxy: FaultProxy, shaky: Store, store: Store) -> None:
    store.put("big", BIG)
    asked: list[str] = []
    proxy.judge = lambda method, path: asked.append(method)
    with shaky.seekable("big") as stream:
        assert stream.seek(-5, os.SEEK_END) == len(BIG) - 5
        assert stream.read() == BIG[-5:]
        for begin, size in (
            (0, 4),
            (2_999_990, 100),
            (1_000_000, 1_500_000),
            (len(BIG), 1),
            (len(BIG) + 9, 1),
        ):
            stream.seek(begin)
            assert stream.read(size) == BIG[begin : begin + size]
            assert stream.tell() == begin + len(BIG[begin : begin + size])
    assert Counter(asked) == {"HEAD": 1, "GET": 4}
    with pytest.raises(ObjectNotFound, match="small: no such object"):
        store.seekable("small")


def test_a_part_whose_stream_breaks_is_whole_or_an_error(
    proxy: FaultProxy, shaky: Store, store: Store, waits: list[float]
) -> None:
    store.put("big", BIG)
    proxy.judge = times(2, "GET", "big", Fault(cut_after=100_000))
    with shaky.seekable("big") as stream:
        stream.seek(10)
        assert stream.read(1_000_000) == BIG[10:1_000_010]
        store.put("big", BIG[::-1])
        stream.seek(0)
        with pytest.raises(StoreError, match="big: changed while it was read"):
            stream.read(100)


def test_a_stream_that_always_breaks_is_an_error_never_a_short_object(
    proxy: FaultProxy, shaky: Store, store: Store, waits: list[float]
) -> None:
    store.put("big", BIG)
    proxy.judge = times(ALWAYS, "GET", "big", Fault(cut_after=1000))
    with at_most(60, waits), pytest.raises(StoreUnavailable, match="big"):
        shaky.get("big")


def test_bytes_of_two_objects_are_never_mixed(proxy: FaultProxy, shaky: Store, store: Store) -> None:
    store.put("big", BIG)
    proxy.judge = times(1, "GET", "big", Fault(cut_after=1_000_000))
    stream = shaky.open("big")
    stream.read(100)
    store.put("big", BIG[::-1])
    with pytest.raises(StoreError, match="big: changed while it was read"):
        stream.read()


def test_seaweedfs_is_safe_to_publish_on(config: Config, store: Store) -> None:
    lake = Lake(config.lake)
    require_safe(store, lake)
    assert [item.key for item in store.list("")] == [lake.safe_store(store.address)]
    assert store.address == f"{config.s3_endpoint}/{config.lake.removeprefix('s3://')}"


def test_bad_days_do_not_make_a_store_look_unsafe(config: Config, proxy: FaultProxy, shaky: Store) -> None:
    met: Counter[str] = Counter()
    lock = threading.Lock()

    def judge(method: str, path: str) -> Fault | None:
        """Of the writes of each object, the first reply is lost, and each fifth is put off."""
        with lock:
            met[path] += method == "PUT"
            first, fifth = met[path] == 1, met[path] % 5 == 0
        return Fault(lose_reply=first, slow_down=fifth) if method == "PUT" and (first or fifth) else None

    proxy.judge = judge
    lake = Lake(config.lake)
    with at_most(90):
        require_safe(shaky, lake)
    assert [item.key for item in shaky.list("")] == [lake.safe_store(shaky.address)]
    proxy.seen.clear()
    require_safe(shaky, lake)
    assert [method for method, _ in proxy.seen] == ["GET"]
