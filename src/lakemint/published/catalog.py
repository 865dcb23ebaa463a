"""Which versions of a dataset there are, from the version records' keys alone."""

import re

from lakemint.errors import VersionNotFound
from lakemint.lake import Lake
from lakemint.store.base import Store

_RECORD = re.compile(r"(\d{8})\.json")


def numbers(store: Store, lake: Lake, dataset: str) -> list[int]:
    """The numbers of the published versions, in order; empty when there is none."""
    prefix = lake.versions(dataset)
    names = (_RECORD.fullmatch(item.key.removeprefix(prefix)) for item in store.list(prefix))
    return sorted(int(name[1]) for name in names if name)


def no_such_version(dataset: str, wanted: str, there: list[int]) -> VersionNotFound:
    """The error for a version that is not there; it names those that are."""
    if not there:
        return VersionNotFound(f"{wanted}: {dataset} has no published version yet; `lakemint run {dataset}`")
    shown = [f"{dataset}@{number}" for number in there]
    listed = ", ".join(shown if len(shown) <= 8 else [*shown[:2], "…", *shown[-5:]])
    return VersionNotFound(f"{wanted}: no such version; there {'is' if len(there) == 1 else 'are'} {listed}")
