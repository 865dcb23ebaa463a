"""Everything that a data card is drawn from, gathered from the version's records and rows."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from lakemint.amounts import size
from lakemint.config import Config
from lakemint.datacard.lengths import Lengths, Spread
from lakemint.errors import FormatError, IntegrityError, SignatureError, VersionRetired
from lakemint.names import Reference
from lakemint.published.card import card
from lakemint.published.catalog import numbers
from lakemint.published.described import Description
from lakemint.published.difference import cost, difference
from lakemint.published.opened import OpenVersion
from lakemint.published.records import ShardRecord
from lakemint.published.shards import Progress

READ: Final = 256 * 1024 * 1024
"""Bytes of shards that a card reads for its lengths, at most, and to compare versions: a second or two."""


@dataclass(frozen=True)
class CardFacts:
    """The record of one version, and how it differs from the one before."""

    card: dict[str, Any]
    """See `published.card.card`."""
    description: Description
    columns: list[tuple[str, str]]
    """(name, Arrow type)"""
    lengths: dict[str, Spread]
    """Column → how long its values are, in all rows or in those that were measured."""
    since: dict[str, Any] | None
    """See `published.difference.difference`; None for the first version, or when `unread`."""
    unread: str = ""
    """Why the version before could not be compared."""


def measured(version: OpenVersion, progress: Progress = lambda done, total: None) -> Lengths:
    """The lengths, from shards of `READ` bytes, one at a time.

    Rows came to their shards by a hash of their keys: those of a few are a fair sample.
    """
    lengths = Lengths(version.schema)
    shards = _sample(version.manifest.shards)
    total, done = sum(shard.stored for shard in shards), 0
    for shard, _ in zip(shards, lengths.passing(version.rows(shards)), strict=True):
        done += shard.stored
        progress(done, total)
    return lengths


def _sample(shards: list[ShardRecord]) -> list[ShardRecord]:
    """As many as `READ` allows, one at least, in the order of their digests: the same ones each time."""
    drawn = sorted(shards, key=lambda shard: shard.sha256)
    within = sum(so_far <= READ for so_far in accumulate(shard.stored for shard in drawn))
    return drawn[: max(within, 1)]


def card_facts(config: Config, version: OpenVersion, lengths: Lengths) -> CardFacts:
    """The facts; reads the shards that this version and the one before do not share, `READ` bytes at most.

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
    return compared(config, Reference(dataset, before[-1]), version) if before else (None, "")


def compared(config: Config, before: Reference, version: OpenVersion) -> tuple[dict[str, Any] | None, str]:
    """The difference from another version, or None and why there is none; reads `READ` bytes at most."""
    try:
        if (needed := cost(version.store, version.lake, before, version.reference)) > READ:
            look = f"`lakemint version diff {before} {version.reference}` does"
            return None, f"{before} is not compared here, since {size(needed)} would be read: {look}."
        return difference(config, before, version.reference), ""
    except (IntegrityError, FormatError, SignatureError, VersionRetired) as error:
        return None, f"{before} cannot be compared: {error}"
