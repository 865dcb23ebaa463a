"""Bits flipped in whatever the feed reads: each is found and named, and no example of it is handed out."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import FormatError, IntegrityError
from tests.unit.small_version import publish, row, settings

FLIPS = 20
"""Of each kind and seed."""
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = settings(tmp_path_factory.mktemp("flips"))
    publish(config, [row(index, bucket=index % 11, text=f"text {index} " * 20) for index in range(300)])
    return config


def read(config: Config, handed: list[str]) -> None:
    """Open the version and go through an epoch, examples as they are handed out."""
    version = lakemint.open("notes@1", config=config)
    for batch in version["train"].loader(8, seed=1, window=2, rank=0, world=1):
        handed += [f"{one}: {text}" for one, text in zip(batch["sample_id"], batch["text"], strict=True)]


def flip(path: Path, chance: random.Random) -> Callable[[], None]:
    """One bit of the file, whose time of change stays what it was; gives back what undoes it."""
    data, found = path.read_bytes(), path.stat()
    at = chance.randrange(8 * len(data))
    harmed = bytearray(data)
    harmed[at // 8] ^= 1 << at % 8

    def write(content: bytes | bytearray) -> None:
        path.write_bytes(content)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    write(harmed)
    return lambda: write(data)


def objects(config: Config, kind: str) -> list[Path]:
    return sorted(Path(config.lake.removeprefix("file://"), "published", "notes").glob(f"{kind}/*"))


@pytest.mark.parametrize("kind", ["shards", "manifests", "versions"])
def test_a_bit_flipped_in_the_store_is_named(
    config: Config, record_property: Record, seed: int, kind: str
) -> None:
    chance, whole = random.Random(f"{kind} {seed}"), list[str]()  # noqa: S311
    read(config, whole)
    for _ in range(FLIPS):
        path, handed = chance.choice(objects(config, kind)), list[str]()
        mend = flip(path, chance)
        shutil.rmtree(config.cache, ignore_errors=True)
        try:
            with pytest.raises((IntegrityError, FormatError), match=f"{kind}/{path.name}"):
                read(config, handed)
        finally:
            mend()
        assert handed == whole[: len(handed)]
    record_property(f"bits flipped in {kind}", FLIPS)


def test_a_bit_flipped_in_the_cache_is_fetched_anew(
    config: Config, record_property: Record, seed: int
) -> None:
    chance, whole = random.Random(seed), list[str]()  # noqa: S311
    read(config, whole)
    for _ in range(FLIPS):
        path, handed = chance.choice(sorted(Path(config.cache).glob("*.arrow"))), list[str]()
        before = path.read_bytes()
        flip(path, chance)
        read(config, handed)
        assert handed == whole
        assert path.read_bytes() == before
    record_property("bits flipped in the cache", FLIPS)
