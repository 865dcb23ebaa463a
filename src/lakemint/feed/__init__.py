"""Reads published versions, anywhere: only the standard library, numpy, pyarrow and an S3 client are needed.

Importing this module imports none of the latter three; opening a version does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.feed.blend import Stage
    from lakemint.feed.loader import Loader
    from lakemint.feed.mixture import Mixture
    from lakemint.feed.receipts import Run
    from lakemint.feed.split import Split
    from lakemint.feed.version import Version
    from lakemint.published.content import content_of

__all__ = ["Loader", "Mixture", "Run", "Split", "Stage", "Version", "content_of", "open", "run", "versions"]

_HOMES = {
    "Loader": "lakemint.feed.loader",
    "Mixture": "lakemint.feed.mixture",
    "Run": "lakemint.feed.receipts",
    "Split": "lakemint.feed.split",
    "Stage": "lakemint.feed.blend",
    "Version": "lakemint.feed.version",
    "content_of": "lakemint.published.content",
}


@overload
def open(reference: str, split: None = None, *, config: "Config | None" = None) -> "Version": ...
@overload
def open(reference: str, split: str, *, config: "Config | None" = None) -> "Split": ...
def open(reference: str, split: str | None = None, *, config: "Config | None" = None) -> "Version | Split":
    """A published version, `reviews@1`, or the one that a channel points to now, `reviews@production`.

    With `split`, one split of it. Its manifest is verified now, each shard when it is first read. What was
    opened stays what it is when the channel moves on; `Version.hold` keeps it while its owner retires it.
    Raises VersionNotFound, VersionRetired for a retired version that nobody holds, IntegrityError when stored
    bytes are not the published ones, SignatureError when keys are trusted and none of them signed it,
    FormatError for a newer Lakemint's version, and StoreError.
    """
    from lakemint.feed.version import open_version

    version = open_version(reference, config)
    return version if split is None else version[split]


def versions(dataset: str, *, config: "Config | None" = None) -> list[str]:
    """The dataset's published versions, oldest first, also retired ones: `["reviews@1", …]`."""
    from lakemint.feed.version import published

    return published(dataset, config)


def run(name: str | None = None, *, model: str | None = None, strict: bool = False) -> "Run":
    """A training run that leaves receipts: which examples of which version it read.

        with lakemint.run("exp-7", model="s3://models/exp-7") as run:
            for batch in version["train"].loader(256, seed=7, run=run):
                ...

    Without a name, it is what MLflow, Weights & Biases, Slurm or torchrun call it; raises LakemintError when
    none of them does. `model` is what it produces; `run.model` can be set later. Nothing waits for a receipt
    to be written, and where that fails there is one warning; when `strict`, it is written at once, and the
    StoreError is raised. `lakemint version consumers` lists the runs that read a version.
    """
    from lakemint.feed.receipts import Run

    return Run(name, model, strict=strict)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lakemint.feed' has no attribute {name!r}")
