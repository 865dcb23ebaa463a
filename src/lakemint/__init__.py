"""Lakemint turns a raw data lake into versioned training datasets.

import lakemint

version = lakemint.open("reviews@1")
for batch in version["train"].loader(batch_size=256, seed=7):
    ...

Reading needs only pyarrow, numpy and an S3 client; they are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lakemint import errors
from lakemint.errors import IntegrityError, LakemintError, VersionNotFound, VersionRetired

if TYPE_CHECKING:
    from lakemint.feed import Loader, Mixture, Run, Split, Stage, Version, content_of, open, run, versions
    from lakemint.handover.record import Handover, handed_over

__all__ = [
    "Handover",
    "IntegrityError",
    "LakemintError",
    "Loader",
    "Mixture",
    "Run",
    "Split",
    "Stage",
    "Version",
    "VersionNotFound",
    "VersionRetired",
    "content_of",
    "errors",
    "handed_over",
    "open",
    "run",
    "versions",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("lakemint")
    if name in ("Handover", "handed_over"):
        return getattr(import_module("lakemint.handover.record"), name)
    if name in __all__:
        return getattr(import_module("lakemint.feed"), name)
    raise AttributeError(f"module 'lakemint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
