"""The feed over real S3, and in an environment that has nothing but the feed's own dependencies."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import IntegrityError, StoreUnavailable
from tests.integration.fault_proxy import Fault, FaultProxy, at_most, times
from tests.support import CHECKOUT
from tests.unit.small_version import publish, row

ROWS = [row(index, "test" if index % 5 == 0 else "train", text="x" * 2000) for index in range(400)]


@pytest.fixture
def reader(config: Config, tmp_path: Path) -> Config:
    """Settings of a training process with an empty cache; notes@1 is published."""
    publish(config, ROWS)
    return replace(config, cache=str(tmp_path / "cache"))


@pytest.fixture
def proxy(config: Config) -> Iterator[FaultProxy]:
    proxy = FaultProxy(config.s3_endpoint)
    yield proxy
    proxy.close()


def rows(config: Config) -> list[dict[str, Any]]:
    version = lakemint.open("notes@1", config=config)
    return [r for split in ("train", "test") for r in version[split].to_table().to_pylist()]


def expected() -> list[dict[str, Any]]:
    names = ("sample_id", "text", "stars", "label")
    return sorted(({name: r[name] for name in names} for r in ROWS), key=str)


def test_rows_come_back_and_a_second_epoch_asks_for_nothing(reader: Config, proxy: FaultProxy) -> None:
    version = lakemint.open("notes@1", config=proxy.through(reader))
    train = version["train"]
    first = [i for batch in train.loader(32, seed=1, epoch=0) for i in batch["sample_id"]]
    asked = len(proxy.seen)
    second = [i for batch in version["train"].loader(32, seed=1, epoch=1) for i in batch["sample_id"]]
    assert len(proxy.seen) == asked
    assert sorted(first) == sorted(second) == sorted(r["sample_id"] for r in ROWS if r["split"] == "train")
    assert first != second
    assert sorted(rows(reader), key=str) == expected()


def test_breaks_and_busy_answers_on_the_way_change_nothing(reader: Config, proxy: FaultProxy) -> None:
    proxy.judge = times(3, "GET", "/shards/", Fault(cut_after=1000))
    assert sorted(rows(proxy.through(reader)), key=str) == expected()


def test_a_flipped_bit_on_the_way_is_never_trained_on(reader: Config, proxy: FaultProxy) -> None:
    proxy.judge = times(10_000, "GET", "/shards/", Fault(flip=True))
    with pytest.raises((IntegrityError, StoreUnavailable), match=r"shards/[0-9a-f]{64}\.arrow"):
        rows(proxy.through(reader))
    assert not list(Path(reader.cache).iterdir())
    proxy.judge = times(10_000, "GET", "/manifests/", Fault(flip=True))
    with pytest.raises((IntegrityError, StoreUnavailable), match="manifests/"):
        rows(proxy.through(reader))


def test_a_store_that_is_away_is_named_in_good_time(reader: Config) -> None:
    with at_most(60), pytest.raises(StoreUnavailable, match="does not answer"):
        lakemint.open("notes@1", config=replace(reader, s3_endpoint="http://127.0.0.1:9"))


def test_credentials_that_run_out_are_renewed(
    reader: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a cluster, where a process gives short-lived keys; these are renewed when minutes are left."""
    soon, later = (datetime.now(UTC) + timedelta(minutes=left) for left in (1, 60))
    keys = {"Version": 1, "AccessKeyId": reader.s3_access_key, "SecretAccessKey": reader.s3_secret_key}
    for name, until in (("soon", soon), ("later", later)):
        (tmp_path / name).write_text(json.dumps({**keys, "Expiration": until.isoformat()}))
    asked, script = tmp_path / "asked", tmp_path / "keys.sh"
    given = "if mkdir asked; then cat soon; else touch asked/again; cat later; fi"
    script.write_text(f"cd {tmp_path}; {given}")
    (tmp_path / "aws").write_text(f"[default]\ncredential_process = sh {script}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    assert sorted(rows(replace(reader, s3_access_key="", s3_secret_key="")), key=str) == expected()
    assert (asked / "again").exists()


def test_processes_share_a_cache_that_is_filled_by_all_at_once(reader: Config, tmp_path: Path) -> None:
    code = (
        "import lakemint, hashlib; v = lakemint.open('notes@1');"
        "print(hashlib.sha256(str(v['train'].to_table().to_pylist()).encode()).hexdigest())"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment(reader),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = {job.communicate(timeout=120)[0] for job in crowd}
    assert [job.returncode for job in crowd] == [0] * 4
    assert len(said) == 1
    assert all(path.suffix == ".arrow" for path in Path(reader.cache).iterdir())


def environment(config: Config) -> dict[str, str]:
    """A training image's: the lake, the cache, the usual AWS variables."""
    return {
        "PATH": os.environ["PATH"],
        "LAKEMINT_LAKE": config.lake,
        "LAKEMINT_CACHE": config.cache,
        "LAKEMINT_S3_ENDPOINT": config.s3_endpoint,
        "AWS_ACCESS_KEY_ID": config.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": config.s3_secret_key,
    }


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with lakemint's base dependencies, at the locked versions, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    uv = CHECKOUT / ".lakemint" / "tools" / "bin" / "uv"
    tool = str(uv) if uv.exists() else shutil.which("uv")
    assert tool, "uv is missing: make setup"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([tool, "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    lock = CHECKOUT / "requirements" / "platform.txt"
    subprocess.run([tool, "pip", "install", "-q", "--python", python, "-c", lock, wheel], check=True)
    return python


def test_the_base_dependencies_are_enough_to_train(bare_python: Path, reader: Config, tmp_path: Path) -> None:
    code = (
        "import lakemint, importlib.util; train = lakemint.open('notes@1', split='train');"
        "print(sum(len(b['text']) for b in train.loader(64, seed=3)), next(iter(train)).schema.names);"
        "heavy = ('pyspark', 'airflow', 'pydantic', 'yaml', 'pandas');"
        "print([name for name in heavy if importlib.util.find_spec(name)])"
    )
    command = [str(bare_python), "-c", code]
    done = subprocess.run(
        command, env=environment(reader), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["320 ['sample_id', 'text', 'stars', 'label']", "[]"]


@pytest.mark.parametrize("module", ["lakemint", "lakemint.feed"])
def test_importing_is_quick(bare_python: Path, module: str) -> None:
    """The best of five: a busy machine must not fail this, a heavy import must."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    taken = [
        float(subprocess.run([bare_python, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(taken) < 0.3
