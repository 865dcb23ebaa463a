"""The cache that the processes of a machine share: one fetches, the unused goes, a kill leaves nothing."""

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pytest

from lakemint.config import Config
from lakemint.errors import ConfigError, IntegrityError
from lakemint.feed.cache import ShardCache
from lakemint.feed.manifest import Shard
from lakemint.publish.shards import encode
from lakemint.store import FolderStore

COLUMNS = (("sample_id", "string"),)
SCHEMA = pa.schema([("sample_id", pa.string())])
FORK = multiprocessing.get_context("fork")


def made(folder: Path, number: int, rows: int = 100) -> Shard:
    """A shard in a store's folder."""
    ids = pa.array([f"{number:04d}-{row:06d}" for row in range(rows)])
    data = encode(pa.table({"sample_id": ids}), COLUMNS)
    digest = hashlib.sha256(data).hexdigest()
    folder.mkdir(exist_ok=True)
    (folder / digest).write_bytes(data)
    return Shard(digest, len(data), rows)


class Counting(FolderStore):
    """Writes down every fetch; waits in the middle of each as long as told."""

    def __init__(self, folder: Path, log: Path, held: Event | None = None) -> None:
        super().__init__(folder)
        self._log, self._held = log, held

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        with self._log.open("a") as log:
            log.write(f"{key}\n")
        with super().open(key, etag) as stream:
            return Slow(stream.read(), self._held)


class Slow(BytesIO):
    def __init__(self, data: bytes, held: Event | None) -> None:
        super().__init__(data)
        self._held = held

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(64 if size and self.tell() == 0 else size)
        if self._held is not None and self.tell() == 64:
            self._held.wait(60)
        return chunk


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The store's folder, the cache's, and the log of fetches."""
    return tmp_path / "store", tmp_path / "cache", tmp_path / "fetched"


def ids(batch: Any) -> list[str]:
    found: list[str] = batch.column("sample_id").to_pylist()
    return found


def key_of(digest: str) -> str:
    return digest


def test_of_many_processes_one_fetches(places: tuple[Path, Path, Path]) -> None:
    store, cache, log = places
    shard = made(store, 1)
    held = FORK.Event()

    def read() -> None:
        rows = ShardCache(cache, Counting(store, log, held)).read(shard, key_of, SCHEMA)
        os._exit(0 if len(ids(rows)) == shard.rows else 1)

    ranks = [FORK.Process(target=read) for _ in range(6)]
    for rank in ranks:
        rank.start()
    until(log.exists)
    held.set()
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0] * 6
    assert log.read_text().splitlines() == [shard.sha256]
    assert [path.name for path in cache.iterdir()] == [f"{shard.sha256}.arrow"]


def test_who_waits_for_one_that_is_killed_fetches_himself(places: tuple[Path, Path, Path]) -> None:
    store, cache, log = places
    shard = made(store, 1)
    held = FORK.Event()
    reading = FORK.Process(
        target=lambda: ShardCache(cache, Counting(store, log, held)).read(shard, key_of, SCHEMA)
    )
    reading.start()
    until(log.exists)
    waiting = FORK.Process(target=lambda: ShardCache(cache, Counting(store, log)).read(shard, key_of, SCHEMA))
    waiting.start()
    assert reading.pid
    os.kill(reading.pid, signal.SIGKILL)
    waiting.join(60)
    assert waiting.exitcode == 0
    assert [path.name for path in cache.iterdir()] == [f"{shard.sha256}.arrow"]


def test_what_a_kill_left_goes_with_the_next_fetch_of_any_shard(places: tuple[Path, Path, Path]) -> None:
    store, cache, log = places
    cache.mkdir()
    (cache / f".{'a' * 64}.arrow.part").write_bytes(b"half")
    shard = made(store, 1)
    ShardCache(cache, Counting(store, log)).read(shard, key_of, SCHEMA)
    assert [path.name for path in cache.iterdir()] == [f"{shard.sha256}.arrow"]


def test_above_its_size_what_was_used_longest_ago_goes(places: tuple[Path, Path, Path]) -> None:
    store, cache, log = places
    shards = [made(store, number) for number in range(4)]
    limited = ShardCache(cache, Counting(store, log), limit=3 * shards[0].bytes)
    kept = [limited.read(shard, key_of, SCHEMA) for shard in shards[:3]]
    for number, shard in enumerate(shards[:3]):
        os.utime(cache / f"{shard.sha256}.arrow", (number, (cache / f"{shard.sha256}.arrow").stat().st_mtime))
    limited.read(shards[0], key_of, SCHEMA)
    limited.read(shards[3], key_of, SCHEMA)
    there = {path.stem for path in cache.glob("*.arrow")}
    assert there == {shards[number].sha256 for number in (0, 2, 3)}
    assert ids(kept[1])[0] == "0001-000000", "who has it mapped keeps it"
    assert ids(limited.read(shards[1], key_of, SCHEMA)) == ids(kept[1])


def test_a_full_disk_makes_room_of_what_is_there(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, cache, log = places
    first, second = made(store, 1), made(store, 2)
    small = ShardCache(cache, Counting(store, log))
    small.read(first, key_of, SCHEMA)

    def full(self: ShardCache, wanted: Shard, key: str, file: IO[bytes]) -> None:
        if list(cache.glob("*.arrow")):
            raise OSError(28, "No space left on device")
        stream(self, wanted, key, file)

    stream = ShardCache._stream
    monkeypatch.setattr(ShardCache, "_stream", full)
    assert len(ids(small.read(second, key_of, SCHEMA))) == second.rows
    assert [path.stem for path in cache.glob("*.arrow")] == [second.sha256]
    monkeypatch.setattr(
        ShardCache, "_stream", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(ConfigError, match=r"No space left on device\): make room, or set LAKEMINT_CACHE"):
        small.read(first, key_of, SCHEMA)
    assert list(cache.iterdir()) == []


def test_bytes_that_changed_since_they_were_verified_are_fetched_anew(
    places: tuple[Path, Path, Path],
) -> None:
    store, cache, log = places
    shard = made(store, 1)
    reader = ShardCache(cache, Counting(store, log))
    rows = ids(reader.read(shard, key_of, SCHEMA))
    path = cache / f"{shard.sha256}.arrow"
    damaged = bytearray(path.read_bytes())
    damaged[-200] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    assert ids(reader.read(shard, key_of, SCHEMA)) == rows
    assert log.read_text().splitlines() == [shard.sha256] * 2


def test_a_shard_that_is_broken_in_the_store_is_kept_by_nobody(places: tuple[Path, Path, Path]) -> None:
    store, cache, log = places
    shard = made(store, 1)
    (store / shard.sha256).write_bytes(b"x" * shard.bytes)
    with pytest.raises(IntegrityError, match="not the published ones"):
        ShardCache(cache, Counting(store, log)).read(shard, key_of, SCHEMA)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "size"), [("", None), ("5", 5), ("12kB", 12_000), ("3 MB", 3 * 10**6), ("200GB", 2 * 10**11)]
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    assert replace(Config(), cache_size=text).cache_limit() == size


@pytest.mark.parametrize("text", ["much", "-5", "1.5GB", "5 GB ", "9" * 30])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size: write bytes, or like 500MB or 200GB"):
        replace(Config(), cache_size=text).cache_limit()


def until(there: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not there():
        assert time.monotonic() - began < 60
        time.sleep(0.01)
