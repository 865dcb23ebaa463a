"""Lakes that share the files of their tables."""

import os
from pathlib import Path
from typing import Final

DATASET: Final = "rows"


def set_lake(rows: Path, lake: Path) -> None:
    os.environ["LAKEMINT_SCHEMAS"] = str(rows / "schemas")
    os.environ["LAKEMINT_LAKE"] = f"file://{lake}"


def link(source: Path, target: Path) -> None:
    """Make `target` hold the tables and verdicts of `source`."""
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists() or not there.samefile(path):
            there.unlink(missing_ok=True)
            os.link(path, there)
