"""Ports and secrets: made once, kept ever after, closed to others."""

import json
import stat
from pathlib import Path

import pytest

from lakemint.config import CREDENTIALS, SETTINGS
from lakemint.errors import StackError
from lakemint.stack.settings import PORTS, SECRETS, read_stack, settle


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_everything_is_chosen_once_and_kept(home: Path, tmp_path: Path) -> None:
    first = settle(read_stack(home, tmp_path))
    again = settle(read_stack(home))
    assert (again.ports, again.secrets, again.checkout) == (first.ports, first.secrets, tmp_path)
    assert set(first.ports) == set(PORTS) and len(set(first.ports.values())) == len(PORTS)


def test_two_instances_share_no_secret(home: Path, tmp_path: Path) -> None:
    one, other = settle(read_stack(home, tmp_path)), settle(read_stack(tmp_path / "other", tmp_path))
    assert not set(one.secrets.values()) & set(other.secrets.values())
    assert all(len(one.secrets[name]) >= 16 for name in SECRETS)


def test_files_are_closed_to_others(home: Path, tmp_path: Path) -> None:
    settle(read_stack(home, tmp_path))
    assert [stat.S_IMODE((home / name).stat().st_mode) for name in (SETTINGS, CREDENTIALS)] == [0o600] * 2
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_no_secret_is_shown_or_in_the_settings(home: Path, tmp_path: Path) -> None:
    stack = settle(read_stack(home, tmp_path))
    shown = repr(stack) + (home / SETTINGS).read_text()
    assert not [name for name, secret in stack.secrets.items() if secret in shown]


def test_what_a_user_added_stays(home: Path, tmp_path: Path) -> None:
    stack = settle(read_stack(home, tmp_path))
    content = json.loads((home / SETTINGS).read_text()) | {"maven_mirror": "https://mirror.example"}
    (home / SETTINGS).write_text(json.dumps(content))
    settle(read_stack(home), anew=frozenset({"s3"}))
    after = json.loads((home / SETTINGS).read_text())
    assert after["maven_mirror"] == "https://mirror.example"
    assert after["ports"]["s3"] != stack.ports["s3"] and after["ports"]["spark"] == stack.ports["spark"]
    assert after["s3_endpoint"].endswith(str(after["ports"]["s3"]))


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_broken_file_is_named(home: Path, tmp_path: Path, text: str) -> None:
    home.mkdir()
    (home / SETTINGS).write_text(text)
    with pytest.raises(StackError, match=f"{home / SETTINGS}.*move it away"):
        read_stack(home, tmp_path)


def test_no_stack_and_no_checkout(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StackError, match="run inside a checkout"):
        read_stack(home)


@pytest.mark.parametrize("name", ["it's", "a,b", "50%", "a;b"])
def test_a_folder_that_servers_cannot_live_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match="LAKEMINT_HOME"):
        read_stack(tmp_path / name, tmp_path)
