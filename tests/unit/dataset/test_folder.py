"""The folder of datasets: each is listed, also one that nobody may look into."""

from pathlib import Path

import pytest

from lakemint.dataset.folder import datasets
from lakemint.errors import ConfigError
from tests.unit.contracts import write


def test_datasets_are_folders_and_nothing_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.yaml").write_text("[not yaml")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file.yaml").touch()
    assert datasets(tmp_path) == ["broken", "pets"]


def test_a_dataset_that_one_may_not_look_into_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "recipe.yaml").touch()
    look = Path.is_file

    def is_file(path: Path) -> bool:  # the tests may run as root, whom no mode keeps out
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert datasets(tmp_path) == ["closed", "open"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing: cannot be read \(No such file or directory\)"):
        datasets(tmp_path / "nothing")
