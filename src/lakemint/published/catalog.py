"""Which versions and channels of a dataset there are, from the records' keys alone."""

import re

from lakemint.errors import VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Channel, is_name
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


def channels(store: Store, lake: Lake, dataset: str) -> list[str]:
    """The names of the channels, sorted; empty when there is none."""
    prefix = lake.channels(dataset)
    names = (item.key.removeprefix(prefix).rpartition(".") for item in store.list(prefix))
    return sorted(name for name, _, suffix in names if suffix == "json" and is_name(name))


def no_such_channel(channel: Channel, there: list[str]) -> VersionNotFound:
    """The error for a channel that is not there; it names those that are."""
    dataset = channel.dataset
    if not there:
        return VersionNotFound(
            f"{channel}: {dataset} has no channel yet; "
            f"`lakemint promote {dataset}@<number> --to {channel.name}` makes one"
        )
    listed = ", ".join(f"{dataset}@{name}" for name in there)
    return VersionNotFound(f"{channel}: no such channel; there {'is' if len(there) == 1 else 'are'} {listed}")
