"""Roots of garbage collection: which versions keep what they hold.

All that are in use do; a retired one does while its grace period lasts, somebody holds it, or a channel
stands at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakemint.lake import Lake
from lakemint.published import channels
from lakemint.published.catalog import numbers
from lakemint.published.holds import holds
from lakemint.published.records import Manifest
from lakemint.published.version_record import Retirement, VersionRecord, find_manifest, read_version
from lakemint.store.base import Store

_LEEWAY = timedelta(hours=1)
"""A hold counts for so much longer: its holder's clock may be slow."""


@dataclass(frozen=True)
class Roots:
    """A dataset's versions, as a sweep sees them."""

    kept: list[VersionRecord]
    """Those that keep what they hold."""
    why: dict[int, str]
    """Of each of these that is retired: until what."""
    ended: list[VersionRecord]
    """Those retired that keep nothing any more."""

    def manifests(self, store: Store, lake: Lake) -> Iterator[tuple[VersionRecord, Manifest]]:
        """Those whose files stay, with their versions; raises as `read_manifest`."""
        for record in self.kept:
            if manifest := find_manifest(store, lake, record):
                yield record, manifest

    @property
    def replaced(self) -> set[str]:
        """The digests of manifests that erasures put others in the place of."""
        return {digest for record in (*self.kept, *self.ended) for digest in record.digests[:-1]}


def roots(store: Store, lake: Lake, dataset: str, grace: timedelta) -> Roots:
    """The roots, when retired versions keep what they hold for the time `grace` at least.

    Raises what reading the versions' records, channels and holds raises: what is not known is no garbage.
    """
    now = datetime.now(UTC)
    # The versions first and the rest then: see `lakemint.published.holds`.
    records = [read_version(store, lake, dataset, number) for number in numbers(store, lake, dataset)]
    retired = {record.version: record.retired for record in records if record.retired}
    held = _held(store, lake, dataset, now) if retired else {}
    found = {number: held.get(number) or _young(how, now, grace) for number, how in retired.items()}
    why = {number: until for number, until in found.items() if until}
    return Roots(
        kept=[record for record in records if not record.retired or record.version in why],
        why=why,
        ended=[record for record in records if record.retired and record.version not in why],
    )


def _held(store: Store, lake: Lake, dataset: str, now: datetime) -> dict[int, str]:
    """What versions are held by, by their numbers; of several holds the one that lasts longest."""
    there = [held for _, held in holds(store, lake, dataset) if held.until + _LEEWAY > now]
    found = {
        held.version: f"until {held.until:%Y-%m-%d %H:%M} UTC: {held.by} holds it"
        for held in sorted(there, key=lambda held: held.until)
    }
    for channel in channels.listing(store, lake, dataset):
        found[channel.version] = f"while {dataset}@{channel.channel} stands at it"
    return found


def _young(retired: Retirement, now: datetime, grace: timedelta) -> str:
    """Empty when its grace period is over."""
    ends = retired.at + grace
    return f"until {ends:%Y-%m-%d %H:%M} UTC: its grace period lasts" if ends > now else ""
