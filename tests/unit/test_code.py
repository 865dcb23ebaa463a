"""The digest of the code that makes rows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import lakemint
from lakemint.code import code_digest, digest_of_stages

PACKAGE = Path(lakemint.__file__).parent


def _append(path: Path) -> None:
    path.write_text(path.read_text() + "# another\n")


@pytest.mark.parametrize(
    ("change", "is_other"),
    [
        (lambda package: None, False),
        (lambda package: _append(package / "cli" / "version.py"), False),
        (lambda package: (package / "refine" / "notes.txt").write_text("no code"), False),
        (lambda package: _append(package / "refine" / "near" / "minhash.py"), True),
        (lambda package: (package / "label" / "more.py").write_text(""), True),
        (lambda package: (package / "ingest" / "formats.py").rename(package / "ingest" / "kinds.py"), True),
    ],
)
def test_it_is_another_when_a_stages_module_is(
    tmp_path: Path, change: Callable[[Path], object], is_other: bool
) -> None:
    package = tmp_path / "lakemint"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    change(package)
    assert (digest_of_stages(package) != code_digest()) is is_other
