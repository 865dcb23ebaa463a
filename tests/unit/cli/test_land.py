"""Landing a folder: every regular file of it, nothing from elsewhere, and all of it or an error."""

import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lakemint.cli import build
from lakemint.errors import LakemintError

RECIPE = {
    "sources": {"mail": {"format": "csv", "columns": ["text"]}},
    "content": ["text"],
    "label": {"known": "text"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file, beside a dataset `notes` and an empty lake, in a place with an odd name."""
    place = tmp_path / "my f\u00f6lder \u6e56"
    (place / "schemas" / "notes").mkdir(parents=True)
    (place / "schemas" / "notes" / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(place / "schemas"))
    monkeypatch.setenv("LAKEMINT_LAKE", f"file://{place / 'lake'}")
    (place / "mail").mkdir()
    (place / "mail" / "a.csv").write_text("hello\n")
    return place / "mail"


def landed(folder: Path) -> list[str]:
    lake = folder.parent / "lake" / "raw" / "notes" / "mail"
    return sorted(path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file())


def test_links_are_left_out_and_it_says_so(folder: Path) -> None:
    (folder / "passwd.csv").symlink_to("/etc/passwd")
    (folder / "more").symlink_to("/etc")
    (folder / "gone").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe")
    found = CliRunner().invoke(build(), ["land", "notes/mail", str(folder)])
    assert found.exit_code == 0
    assert "left out, as no regular file: " in found.stderr
    assert "and 3 more" in found.stderr
    assert "1 raw object landed" in found.stdout
    assert landed(folder) == ["a.csv"]


@pytest.mark.parametrize("name", [os.fsdecode(b"bad\xff.csv"), "/".join(["x" * 250] * 4)])
def test_a_name_that_cannot_be_a_key_stops_it_before_anything_is_landed(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("hello\n")
    found = CliRunner().invoke(build(), ["land", "notes/mail", str(folder)])
    assert isinstance(found.exception, LakemintError)
    assert "rename it, nothing was landed" in str(found.exception)
    assert landed(folder) == []
