"""Everything that a data card is drawn from, gathered from the version's records and rows."""

from dataclasses import dataclass
from typing import Any

from lakemint.config import Config
from lakemint.datacard.lengths import Lengths, Spread
from lakemint.errors import FormatError, IntegrityError, SignatureError
from lakemint.names import Reference
from lakemint.published.card import card
from lakemint.published.catalog import numbers
from lakemint.published.described import Description
from lakemint.published.difference import difference
from lakemint.published.opened import OpenVersion
from lakemint.published.shards import Progress


@dataclass(frozen=True)
class CardFacts:
    """The record of one version, and how it differs from the one before."""

    card: dict[str, Any]
    """See `published.card.card`."""
    description: Description
    columns: list[tuple[str, str]]
    """(name, Arrow type)"""
    lengths: dict[str, Spread]
    """Column → how long its values are."""
    since: dict[str, Any] | None
    """See `published.difference.difference`; None for the first version, or when `unread`."""
    unread: str = ""
    """Why the version before could not be compared."""


def measured(version: OpenVersion, progress: Progress = lambda done, total: None) -> Lengths:
    """The lengths, from all shards, one at a time."""
    lengths = Lengths(version.schema)
    shards = [shard for split in version.splits for shard in version.manifest.splits[split].shards]
    total, done = sum(shard.stored for shard in shards), 0
    for shard, _ in zip(shards, lengths.passing(version.rows(shards)), strict=True):
        done += shard.stored
        progress(done, total)
    return lengths


def card_facts(config: Config, version: OpenVersion, lengths: Lengths) -> CardFacts:
    """The facts; reads the shards that this version and the one before do not share.

    Raises VersionNotFound, IntegrityError, FormatError, StoreError; not when the one before is harmed or not
    trusted.
    """
    reference = version.reference
    since, unread = _since(config, version)
    return CardFacts(
        card=card(config, reference.dataset, reference.number),
        description=version.description,
        columns=[(column.name, column.type) for column in version.manifest.columns],
        lengths=lengths.spreads,
        since=since,
        unread=unread,
    )


def _since(config: Config, version: OpenVersion) -> tuple[dict[str, Any] | None, str]:
    """The difference from the version before, and why there is none."""
    dataset, number = version.reference.dataset, version.reference.number
    before = [other for other in numbers(version.store, version.lake, dataset) if other < number]
    if not before:
        return None, ""
    try:
        return difference(config, Reference(dataset, before[-1]), version.reference), ""
    except (IntegrityError, FormatError, SignatureError) as error:
        return None, f"{dataset}@{before[-1]} cannot be compared: {error}"
