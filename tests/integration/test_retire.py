"""A version's end on the real store: retired under a training run that holds it, swept when that is done."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import VersionRetired
from lakemint.names import Reference
from lakemint.published.verify import verify
from lakemint.store import open_store
from tests.integration.test_feed import environment
from tests.support import lakemint as command
from tests.unit.published.retired import SHARED, alone, keys, own
from tests.unit.small_version import DATASET, publish, publish_judged, row

TRAINING = """
import sys, lakemint
version = lakemint.open("notes@1")
with version.hold(days=3, by="run 7"):
    print("holds", flush=True)
    sys.stdin.readline()
    print(version["train"].to_table().num_rows, flush=True)
"""


@pytest.fixture
def reader(config: Config, tmp_path: Path) -> Config:
    """Settings of a training process with an empty cache; notes@1 … notes@3 are published."""
    for number in (1, 2, 3):
        publish_judged(config, [*SHARED, *alone(number)])
    return replace(config, cache=str(tmp_path / "cache"))


def told(*arguments: str) -> Any:
    """What the command says to programs."""
    done = command("version", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_retired_under_a_run_that_holds_it_a_version_goes_when_that_is_done(
    reader: Config, tmp_path: Path
) -> None:
    gone = own(reader)
    with subprocess.Popen(
        [sys.executable, "-c", TRAINING],
        env=environment(reader),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdin
        assert run.stdout
        assert run.stdout.readline() == "holds\n"
        retired = told("retire", "notes@1", "--reason", "bad labels", "--by", "ana")
        assert [one["by"] for one in retired["holds"]] == ["run 7"]
        swept = told("gc", DATASET, "--grace", "0")
        assert swept["objects"] == []
        assert "run 7 holds it" in swept["kept"]["1"]
        run.stdin.write("\n")
        run.stdin.flush()
        assert run.stdout.readline() == f"{len(SHARED) + 2}\n"
    assert run.returncode == 0
    with pytest.raises(VersionRetired, match="by ana: bad labels; in use, newest first: notes@3, notes@2"):
        lakemint.open("notes@1", config=reader)
    assert [one["key"] for one in told("gc", DATASET, "--grace", "0")["objects"]] == gone
    assert not {*gone} & keys(reader)
    refused = command("version", "restore", "notes@1")
    assert (refused.returncode, "it cannot be restored" in refused.stderr) == (1, True)
    assert all(verify(reader, Reference(DATASET, number)).sound for number in (2, 3))
    assert publish(reader, [row(99)])[0].version == 4


def test_what_was_retired_is_restored_and_what_cannot_be_retired_is_said(reader: Config) -> None:
    before = {key: open_store(reader).get(key) for key in keys(reader)}
    newest = command("version", "retire", "notes@3", "--reason", "bad labels")
    assert (newest.returncode, "is the newest version" in newest.stderr) == (1, True)
    for changed in (True, False):
        assert told("retire", "notes@2", "--reason", "bad labels")["changed"] is changed
    for changed in (True, False):
        assert told("restore", "notes@2")["changed"] is changed
    assert {key: open_store(reader).get(key) for key in keys(reader)} == before
