"""The vocabulary: one noun a concept, one place for each name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lakemint.errors import LakemintError

STAGES: Final = ("ingest", "refine", "label", "assemble", "publish", "train")
"""In the order of the road; also the DAG ids' first half: `<stage>_<dataset>`."""

TABLES: Final = (
    "objects",
    "bronze",
    "quarantine",
    "silver",
    "rejected",
    "clusters",
    "splits",
    "annotations",
    "labels",
    "gold",
)
"""The Delta tables of a dataset: `tables/<table>/<dataset>`."""

SPLITS: Final = ("train", "validation", "test")

SAMPLE_ID: Final = "sample_id"
SOURCE: Final = "source"
SPLIT: Final = "split"
LEAKED: Final = "near_duplicate.split"
"""Why a sample leaves silver whose near-duplicates are in another split; `clusters` goes on knowing it."""
LABEL: Final = "label"
PROVENANCE: Final = ("object", "line", "etag", "batch")
"""Where a record came from: object key, line from 1 (0: the whole object), its etag, the ingested batch."""

_DATASET = re.compile(r"[a-z][a-z0-9_]{1,47}")
_REFERENCE = re.compile(r"(?P<dataset>[a-z][a-z0-9_]{1,47})@(?P<number>[1-9][0-9]{0,7})")


def is_name(name: str) -> bool:
    """Whether `name` is fit for keys, DAG ids and tables."""
    return _DATASET.fullmatch(name) is not None


def check_name(name: str, what: str = "dataset") -> str:
    """`name` itself, if it is fit for keys, DAG ids and tables.

    Raises LakemintError otherwise.
    """
    if not is_name(name):
        raise LakemintError(f"{name!r} is no {what} name: use 2 to 48 of a-z, 0-9 and _, a letter first")
    return name


def dag_id(stage: str, dataset: str) -> str:
    return f"{stage}_{check_name(dataset)}"


def by_use(splits: Iterable[str]) -> list[str]:
    """Names of splits in the order they are used in: `SPLITS` first, then others by name."""
    return sorted(splits, key=lambda name: (SPLITS.index(name) if name in SPLITS else len(SPLITS), name))


@dataclass(frozen=True)
class TableVersion:
    """One state of a Delta table, told apart from that of any other table that was ever at its place."""

    version: int
    commit: str
    """The id Delta gave to the commit that made it, a UUID; empty when another writer gave it none."""


@dataclass(frozen=True)
class Reference:
    """`reviews@3`: a dataset's version by its number."""

    dataset: str
    number: int

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Read `<dataset>@<number>`; raises LakemintError."""
        match = _REFERENCE.fullmatch(text)
        if not match:
            raise LakemintError(f"{text!r} is no version: write <dataset>@<number>, like reviews@1")
        return cls(match["dataset"], int(match["number"]))

    def __str__(self) -> str:
        return f"{self.dataset}@{self.number}"


@dataclass(frozen=True)
class Channel:
    """`reviews@production`: a dataset's channel by its name, which begins with a letter as no number does.

    Raises LakemintError for names that are not fit.
    """

    dataset: str
    name: str

    def __post_init__(self) -> None:
        check_name(self.dataset)
        check_name(self.name, "channel")

    @classmethod
    def parse(cls, text: str) -> "Channel":
        """Read `<dataset>@<channel>`; raises LakemintError."""
        dataset, at, name = text.partition("@")
        if not at or name[:1].isdigit():
            raise LakemintError(f"{text!r} is no channel: write <dataset>@<channel>, like reviews@production")
        return cls(dataset, name)

    def __str__(self) -> str:
        return f"{self.dataset}@{self.name}"


def parse_reference(text: str) -> Reference | Channel:
    """Read `<dataset>@<number>` or `<dataset>@<channel>`; raises LakemintError."""
    if not isinstance(text, str) or "@" not in text:
        raise LakemintError(f"{text!r} names no version: write one like reviews@1, or reviews@production")
    number = text.partition("@")[2][:1].isdigit()
    return Reference.parse(text) if number else Channel.parse(text)
