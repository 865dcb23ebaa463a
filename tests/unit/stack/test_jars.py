"""The pinned list, and what is told from it. Fetching is in the integration tests."""

import hashlib
from pathlib import Path

import pytest

from lakemint.errors import StackError
from lakemint.stack.jars import missing_jars, pinned_jars
from lakemint.stack.layout import Stack
from tests.support import CHECKOUT


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "infra" / "local").mkdir(parents=True)
    (tmp_path / ".lakemint" / "jars").mkdir(parents=True)
    return Stack(tmp_path / "home", tmp_path)


def pin(stack: Stack, text: str) -> None:
    (stack.checkout / "infra" / "local" / "jars.txt").write_text(text)


def test_a_jar_must_be_the_very_bytes(stack: Stack) -> None:
    pin(stack, f"# comment\n\norg.x:y:1.0 3 {hashlib.sha256(b'abc').hexdigest()}\n")
    path = stack.jars / "org.x.y-1.0.jar"
    assert [jar.coordinate for jar in missing_jars(stack)] == ["org.x:y:1.0"]
    path.write_bytes(b"abd")
    assert missing_jars(stack)
    path.write_bytes(b"abc")
    assert not missing_jars(stack)


@pytest.mark.parametrize("text", ["org.x:y:1.0 3\n", "org.x:y:1.0 big 00\n"])
def test_a_broken_list_is_named(stack: Stack, text: str) -> None:
    pin(stack, text)
    with pytest.raises(StackError, match=r"jars.txt.*restore it"):
        pinned_jars(stack)


def test_our_own_list_holds_delta_and_s3a_and_no_bundle() -> None:
    jars = pinned_jars(Stack(CHECKOUT / ".lakemint" / "stack", CHECKOUT))
    names = {jar.coordinate.rsplit(":", 1)[0] for jar in jars}
    assert {"io.delta:delta-spark_4.1_2.13", "org.apache.hadoop:hadoop-aws"} <= names
    assert "software.amazon.awssdk:bundle" not in names
    assert sum(jar.size for jar in jars) < 110e6 and len({jar.file for jar in jars}) == len(jars)
