"""Fetching JARs with the real Ivy, from a mirror on this machine that behaves, or does not."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from lakemint.errors import StackError
from lakemint.stack.jars import fetch_jars, missing_jars
from lakemint.stack.layout import Stack
from lakemint.stack.report import Report

ONE, OTHER = b"one" * 200_000, b"other" * 100
LIST = "".join(
    f"org.example:{name}:1.0 {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    for name, data in (("one", ONE), ("other", OTHER))
)


class Told(Report):
    """Remembers what the user is told."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def advance(self, step: str, done: int, total: int) -> None:
        self.progress.append((done, total))

    def end(self, step: str, result: str) -> None:
        self.ends.append(result)


class Mirror(SimpleHTTPRequestHandler):
    """Maven's layout; keeps a list of what was asked for, and takes its time."""

    asked: list[str]
    held: threading.Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if "/other/" in self.path:
            self.held.wait(60)
        time.sleep(0.3)
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "infra" / "local").mkdir(parents=True)
    (tmp_path / "infra" / "local" / "jars.txt").write_text(LIST)
    return Stack(tmp_path / "home", tmp_path)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The mirror's folder."""
    folder = tmp_path / "mirror"
    for name, data in (("one", ONE), ("other", OTHER)):
        path = folder / "org" / "example" / name / "1.0" / f"{name}-1.0.jar"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    Mirror.asked, Mirror.held = [], threading.Event()
    Mirror.held.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("LAKEMINT_MAVEN_MIRROR", f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()


def test_they_are_fetched_once_from_the_mirror(stack: Stack, mirror: Path) -> None:
    told = Told()
    fetch_jars(stack, told)
    assert not missing_jars(stack) and told.ends == ["2 fetched, 0.6 MB"]
    assert told.progress and {total for _, total in told.progress} == {len(ONE) + len(OTHER)}
    asked = len(Mirror.asked)
    fetch_jars(stack, told)
    assert len(Mirror.asked) == asked and len(told.ends) == 1
    assert not list((stack.installation / "cache").iterdir())


def test_a_corrupt_one_is_named_and_replaced_and_strangers_go(stack: Stack, mirror: Path) -> None:
    fetch_jars(stack, Told())
    (stack.jars / "org.example.one-1.0.jar").write_bytes(ONE[:-1] + b"x")
    (stack.jars / "org.example.one-0.9.jar").write_bytes(b"of yesterday")
    Mirror.asked, told = [], Told()
    fetch_jars(stack, told)
    assert told.ends == ["1 fetched, 0.6 MB; corrupt and replaced: org.example.one-1.0.jar"]
    assert all("/one/" in path for path in Mirror.asked)
    assert sorted(path.name for path in stack.jars.glob("*.jar")) == [
        "org.example.one-1.0.jar",
        "org.example.other-1.0.jar",
    ]


def test_other_bytes_are_refused(stack: Stack, mirror: Path) -> None:
    served = mirror / "org/example/other/1.0/other-1.0.jar"
    served.write_bytes(b"OTHER" * 100)
    with pytest.raises(StackError, match=r"org.example:other:1.0 from http://.* is not what .*jars.txt says"):
        fetch_jars(stack, Told())
    assert len(missing_jars(stack)) == 2
    served.write_bytes(OTHER)  # and what was refused is not remembered
    fetch_jars(stack, Told())
    assert not missing_jars(stack)


def test_without_a_network_the_way_out_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEMINT_MAVEN_MIRROR", "http://127.0.0.1:9/nobody")
    with pytest.raises(
        StackError, match=r"2 JARs could not be fetched.*Connection refused.*LAKEMINT_MAVEN_MIRROR="
    ):
        fetch_jars(stack, Told())


def test_one_that_the_mirror_lacks_is_named(stack: Stack, mirror: Path) -> None:
    (mirror / "org/example/other/1.0/other-1.0.jar").unlink()
    with pytest.raises(
        StackError, match=r"could not be fetched.*org.example#other;1.0.*LAKEMINT_MAVEN_MIRROR="
    ):
        fetch_jars(stack, Told())


def test_a_killed_fetch_is_taken_up(stack: Stack, mirror: Path) -> None:
    Mirror.held = threading.Event()
    code = "import sys, pathlib; from lakemint.stack.jars import *; p = pathlib.Path(sys.argv[1])\n"
    code += "fetch_jars(Stack(p / 'home', p), Report())"
    with subprocess.Popen([sys.executable, "-c", code, str(stack.checkout)]) as fetching:
        while not any("/other/" in path for path in Mirror.asked):
            assert fetching.poll() is None
            time.sleep(0.05)
        for process in (psutil.Process(fetching.pid), *psutil.Process(fetching.pid).children()):
            process.kill()
    Mirror.held.set()
    assert len(missing_jars(stack)) == 2
    Mirror.asked = []
    fetch_jars(stack, Told())
    assert not missing_jars(stack)
    assert Mirror.asked == ["/org/example/other/1.0/other-1.0.jar"]
