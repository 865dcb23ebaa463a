"""Which code makes rows: the sources of the stages, from raw objects to shards."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from lakemint.digest import digest_of, sha256

STAGES: Final = ("dataset", "ingest", "refine", "label", "assemble", "publish")
"""Folders of this package on which it depends what a version holds."""


@cache
def code_digest() -> str:
    """That of this package; it tells two checkouts apart that have the same version number."""
    return digest_of_stages(files("lakemint"))


def digest_of_stages(package: Traversable) -> str:
    """Hex sha256 of the canonical JSON of path → sha256, of all modules of the stages."""
    return digest_of({path: digest for stage in STAGES for path, digest in _modules(package / stage, stage)})


def _modules(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    """(path, sha256) of each, in folders below too."""
    for item in folder.iterdir():
        below = f"{path}/{item.name}"
        if item.is_dir():
            yield from _modules(item, below)
        elif item.name.endswith(".py"):
            yield below, sha256(item.read_bytes())
