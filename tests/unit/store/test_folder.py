"""A folder as a store: atomic, conditional, closed."""

import fcntl
import hashlib
import multiprocessing
import multiprocessing.synchronize
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.errors import ConfigError, ObjectExists, ObjectNotFound, StoreError
from lakemint.store import FolderStore, Store, StoredObject, open_store
from tests.support import at_once, winners


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(Config(lake=f"file://{tmp_path / 'lake'}"))


def etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_what_is_put_is_got_and_listed_in_key_order(store: Store) -> None:
    keys = ["a/b", "a-b", "a/b/c.txt", "a/.hidden", "ab", "b/a"]
    for key in keys:
        if key != "a/b":
            store.put(key, key.encode())
    assert store.get("a/b/c.txt") == b"a/b/c.txt"
    assert [item.key for item in store.list("")] == sorted(set(keys) - {"a/b"})
    assert [item.key for item in store.list("a/b")] == ["a/b/c.txt"]
    assert [item.key for item in store.list("a")] == ["a-b", "a/.hidden", "a/b/c.txt", "ab"]
    assert list(store.list("nothing/here/")) == []
    assert list(store.sizes("nothing/here/")) == []
    assert list(store.sizes("a", "a-b")) == [("a/.hidden", 9), ("a/b/c.txt", 9), ("ab", 2)]
    with store.seekable("a/b/c.txt") as stream:
        assert stream.seek(4) == 4
        assert stream.read(3) == b"c.t"
    now = datetime.now(UTC)
    assert (found := store.stat("ab")) == StoredObject("ab", 2, etag(b"ab"), now)
    assert found is not None and abs(found.modified - now) < timedelta(minutes=1)
    assert next(iter(store.list("ab"))) == store.stat("ab")


def test_put_overwrites(store: Store) -> None:
    store.put("x", b"1")
    store.put("x", b"22")
    assert store.get("x") == b"22"


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: Store) -> None:
    for key in ("x", "x/y"):
        store.delete(key)
    store.put("x", b"1")
    store.delete("x")
    assert store.stat("x") is None
    assert list(store.list("")) == []
    store.delete("x")


def test_create_is_done_once_and_again_with_the_same_bytes(store: Store) -> None:
    store.create("x", b"1")
    store.create("x", b"1")
    with pytest.raises(ObjectExists, match="x: taken"):
        store.create("x", b"2")
    assert store.get("x") == b"1"


def test_of_many_creations_one_wins(store: Store) -> None:
    won = winners(lambda turn: store.create("x", bytes([turn])), 16)
    assert [bytes([turn]) for turn in won] == [store.get("x")]
    assert [item.key for item in store.list("")] == ["x"]


def test_only_what_is_still_there_is_replaced(store: Store) -> None:
    store.put("x", b"1")
    store.replace("x", b"2", etag(b"1"))
    with pytest.raises(ObjectExists, match="x: not the expected bytes"):
        store.replace("x", b"3", etag(b"1"))
    assert store.get("x") == b"2"
    for key in ("y", "folder/y"):
        with pytest.raises(ObjectNotFound, match=f"{key}: no such object"):
            store.replace(key, b"1", etag(b"1"))
        assert store.stat(key) is None


def test_a_file_takes_the_place_of_an_object(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"2")
    store.put("x", b"1")
    for _ in range(2):  # the second time it is done already
        store.replace("x", file, etag(b"1"))
        assert store.get("x") == b"2"
    file.write_bytes(b"3")
    with pytest.raises(ObjectExists):
        store.replace("x", file, etag(b"1"))


def test_a_folder_keeps_nothing_of_what_was_overwritten(store: Store) -> None:
    assert not store.keeps_versions()


def test_replacing_again_with_the_same_bytes_is_done_already(store: Store) -> None:
    store.put("x", b"1")
    store.replace("x", b"2", etag(b"1"))
    store.replace("x", b"2", etag(b"1"))
    assert store.get("x") == b"2"


def test_a_replacement_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    store.put("x", b"1")
    store.replace("x", b"2", etag(b"1"))
    with pytest.raises(ObjectExists):
        store.replace("x", b"3", etag(b"1"))
    assert [item.key for item in store.list("")] == ["x"]
    assert [path.name for path in (tmp_path / "lake" / ".unfinished").iterdir()] == ["lock"]


def test_what_killed_writers_left_goes_with_the_next_deletion(store: Store, tmp_path: Path) -> None:
    store.put("x", b"1")
    folder = tmp_path / "lake" / ".unfinished"
    for name in ("dead", "living"):
        (folder / f"written-{name}").write_bytes(b"half")
    with (folder / "written-living").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        store.delete("y")
        assert sorted(path.name for path in folder.iterdir()) == ["lock", "written-living"]
    store.delete("y")
    assert sorted(path.name for path in folder.iterdir()) == ["lock"]
    assert store.get("x") == b"1"


def _replace_at_once(root: Path, start: "multiprocessing.synchronize.Event", turn: int, won: Any) -> None:
    store = FolderStore(root)
    start.wait()
    for step in range(10):
        try:
            store.replace(f"race/{step}", b"%d" % turn, etag(b"before"))
            won.put((step, turn))
        except ObjectExists:
            pass


def test_of_many_processes_that_replace_one_wins(store: Store, tmp_path: Path) -> None:
    """Ten races of eight."""
    for step in range(10):
        store.put(f"race/{step}", b"before")
    context = multiprocessing.get_context("fork")
    start, won = context.Event(), context.Queue()
    crowd = [
        context.Process(target=_replace_at_once, args=(tmp_path / "lake", start, turn, won))
        for turn in range(8)
    ]
    for process in crowd:
        process.start()
    start.set()
    winners = dict(won.get(timeout=30) for _ in range(10))
    for process in crowd:
        process.join(30)
        assert process.exitcode == 0
    assert won.empty()
    assert {step: b"%d" % turn for step, turn in winners.items()} == {
        step: store.get(f"race/{step}") for step in range(10)
    }


def test_of_many_threads_that_count_none_is_lost(store: Store) -> None:
    store.put("count", b"0 by nobody")

    def count(turn: int) -> None:
        done = 0
        while done < 5:
            data = store.get("count")
            try:
                store.replace("count", b"%d by %d" % (int(data.split()[0]) + 1, turn), etag(data))
                done += 1
            except ObjectExists:
                pass

    at_once(count, 4)
    assert store.get("count").startswith(b"20 by ")


def test_open_with_an_etag_is_of_those_very_bytes(store: Store) -> None:
    store.put("x", b"one")
    with store.open("x", etag(b"one")) as stream:
        assert stream.read(2) + stream.read() == b"one"
    with pytest.raises(ObjectExists, match="x: not the expected bytes"):
        store.open("x", etag(b"two"))


def test_what_is_not_there_is_named(store: Store) -> None:
    store.put("folder/x", b"")
    for key in ("y", "folder", "folder/x/y"):
        assert store.stat(key) is None
        with pytest.raises(ObjectNotFound, match=f"{key}: no such object"):
            store.get(key)


def test_a_bound_on_size_is_kept(store: Store) -> None:
    store.put("x", b"123")
    assert store.get("x", 3) == b"123"
    with pytest.raises(StoreError, match="longer than the 2 bytes"):
        store.get("x", 2)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd"])
def test_no_key_leads_out_of_the_lake(store: Store, key: str) -> None:
    for call in (
        lambda: store.get(key),
        lambda: store.put(key, b""),
        lambda: store.create(key, b""),
        lambda: store.replace(key, b"", etag(b"")),
    ):
        with pytest.raises(StoreError, match="leads out of the lake"):
            call()


def test_a_link_out_of_the_lake_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match="leads out of the lake"):
        FolderStore(tmp_path / "lake").get("link")


def test_the_systems_refusals_are_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(StoreError, match="x: "):
        FolderStore(tmp_path / "lake").put("x", b"")


def test_no_lake_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="LAKEMINT_LAKE"):
        open_store(Config())
