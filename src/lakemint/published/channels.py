"""Channels: pointers to versions, each one record, moved by compare-and-swap to versions that passed.

Pointer and history are one object: no crash, lost reply or race can part them. Of several who move a channel
at once, one wins each step; the others are told who did, and move nothing.
"""

import uuid
from dataclasses import dataclass
from typing import Literal

from lakemint.digest import canonical
from lakemint.errors import (
    ChannelMoved,
    FormatError,
    IntegrityError,
    LakemintError,
    ObjectExists,
    ObjectNotFound,
    StoreUnavailable,
    VersionRevised,
)
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.published.catalog import channels, no_such_channel
from lakemint.published.judged import judged
from lakemint.published.records import MAX_BYTES, MAX_HISTORY, ChannelRecord, Position, parse
from lakemint.published.signatures import require_trusted
from lakemint.published.words import check_words
from lakemint.store.base import Store, read_whole
from lakemint.store.safety import require_safe

_ATTEMPTS = 20


@dataclass(frozen=True)
class Order:
    """Who moves a channel, why, and on what condition. Raises LakemintError for text that is not fit."""

    by: str
    at: str
    """When, UTC, ISO 8601."""
    reason: str = ""
    expect: int | None = None
    """Only from this version; 0: only if there is no such channel yet."""
    dry_run: bool = False
    """Check everything, move nothing."""
    trusted_keys: str = ""
    """Only to a version that one of these keys signed, by the setting of this name; empty: to any."""
    manifest: str = ""
    """Only while the version is this manifest, which somebody looked at; empty: whatever it is."""

    def __post_init__(self) -> None:
        check_words(self.by, self.reason)


@dataclass(frozen=True)
class Moved:
    """What came of an order."""

    record: ChannelRecord
    """The channel as it stands, or would after a dry run."""
    before: Position | None
    """Where it stood; None when it is new."""
    changed: bool
    """False when it stood there already: nothing was written."""


@dataclass(frozen=True)
class _Target:
    """Where a channel is to be moved."""

    position: Position
    digests: list[str]
    """The manifests that the version stands and, before erasures, stood for."""


@dataclass(frozen=True)
class _Found:
    """A channel as it was read; no record and no etag when there is none."""

    channel: Channel
    record: ChannelRecord | None = None
    etag: str = ""


def read(store: Store, lake: Lake, channel: Channel) -> ChannelRecord:
    """Where a channel stands, and stood; raises VersionNotFound naming those there are, FormatError."""
    record = _find(store, lake, channel).record
    if record is None:
        raise no_such_channel(channel, channels(store, lake, channel.dataset))
    return record


def listing(store: Store, lake: Lake, dataset: str) -> list[ChannelRecord]:
    """Every channel of a dataset, by name; raises FormatError."""
    return [read(store, lake, Channel(dataset, name)) for name in channels(store, lake, dataset)]


def history(store: Store, lake: Lake, channel: Channel) -> list[Position]:
    """Where a channel stands and stood, newest first; the oldest beyond `MAX_HISTORY` are forgotten."""
    return read(store, lake, channel).positions


def promote(store: Store, lake: Lake, channel: Channel, number: int, order: Order) -> Moved:
    """Move a channel to a version, or make it there; where it stands already, nothing changes.

    Raises GateFailed unless all verdicts that the version was published with are there and passed (see
    `judged`), SignatureError when no key of `order.trusted_keys` signed it, ChannelMoved when the channel is
    not where `order.expect` says or someone else was faster, VersionRevised when the version is not what
    `order.manifest` says, VersionNotFound, IntegrityError, FormatError, UnsafeStore, StoreError. After
    StoreUnavailable it may or may not have moved: promote again.
    """
    found = _find(store, lake, channel)  # first: what it stood at is then among what the version stood for
    target = _target(store, lake, Reference(channel.dataset, number), "promotion", order)
    return _move(store, lake, found, target, order)


def rollback(store: Store, lake: Lake, channel: Channel, order: Order, to: int | None = None) -> Moved:
    """Move a channel back to where it stood before, or to a version `to` that it held once.

    Rolling back twice goes back twice, never forth again to what was rolled back: after 1, 2, 3 the first
    rollback leads to 2, the next to 1. The version is judged like one that is promoted. Raises as `promote`,
    and LakemintError when there is no such position. After StoreUnavailable see where the channel stands
    before you order it again.
    """
    found = _find(store, lake, channel)
    if found.record is None:
        raise no_such_channel(channel, channels(store, lake, channel.dataset))
    number = _earlier(channel, found.record) if to is None else _held(channel, found.record, to)
    target = _target(store, lake, Reference(channel.dataset, number), "rollback", order)
    return _move(store, lake, found, target, order)


def _find(store: Store, lake: Lake, channel: Channel) -> _Found:
    where = lake.channel(channel.dataset, channel.name)
    for _ in range(_ATTEMPTS):
        there = store.stat(where)
        if there is None:
            return _Found(channel)
        try:
            with store.open(where, there.etag) as stream:
                data = read_whole(stream, where, MAX_BYTES)
        except (ObjectExists, ObjectNotFound):
            continue  # it moved just between
        record = parse(ChannelRecord, data, where)
        if (record.dataset, record.channel) != (channel.dataset, channel.name):
            raise IntegrityError(f"{where}: it is the record of another channel; restore it")
        return _Found(channel, record, there.etag)
    raise StoreUnavailable(f"{channel}: it moved {_ATTEMPTS} times while it was read; run this again")


def _target(
    store: Store, lake: Lake, version: Reference, kind: Literal["promotion", "rollback"], order: Order
) -> _Target:
    """That of a version which may be promoted."""
    record, verdicts = judged(store, lake, version)
    require_trusted(store, lake, order.trusted_keys, version, record.manifest)
    if order.manifest not in ("", record.manifest):
        raise VersionRevised(
            f"{version} is {record.manifest[:12]} now, not {order.manifest[:12]}, which somebody looked at: "
            "look again, then order again"
        )
    position = Position(
        version=version.number,
        manifest=record.manifest,
        moved_at=order.at,
        move=str(uuid.uuid4()),
        kind=kind,
        by=order.by,
        reason=order.reason,
        verdicts=verdicts,
    )
    return _Target(position, record.digests)


def _earlier(channel: Channel, record: ChannelRecord) -> int:
    """The version before the present one, among those that were not rolled back."""
    trail: list[int] = []
    for position in reversed(record.positions):
        if position.kind == "rollback" and position.version in trail:
            while trail.pop() != position.version:
                pass
        trail.append(position.version)
    if len(trail) < 2:
        raise LakemintError(
            f"{channel} stands at {channel.dataset}@{record.version} and there is nothing before it to roll "
            "back to: promote a version instead"
        )
    return trail[-2]


def _held(channel: Channel, record: ChannelRecord, number: int) -> int:
    held = sorted({position.version for position in record.positions})
    if number not in held:
        raise LakemintError(
            f"{channel} never stood at {channel.dataset}@{number}: it held "
            f"{', '.join(f'{channel.dataset}@{version}' for version in held[-20:])}; promote it instead"
        )
    return number


def _move(store: Store, lake: Lake, found: _Found, target: _Target, order: Order) -> Moved:
    channel, now, position = found.channel, found.record, target.position
    positions = now.positions if now else []
    if any(p.version == position.version and p.manifest not in target.digests for p in positions):
        raise IntegrityError(
            f"{lake.version(channel.dataset, position.version)}: its manifest is not the one that {channel} "
            "stood at; restore the object from a copy"
        )
    if now is not None and now.version == position.version:
        return Moved(now, now.position, changed=False)
    if order.expect not in (None, now.version if now else 0):
        where = f"at {channel.dataset}@{order.expect}" if order.expect else "to be new"
        raise ChannelMoved(f"{_whereabouts(channel, now)}; you expected it {where}, so nothing was moved")
    record = ChannelRecord(
        **position.model_dump(),
        dataset=channel.dataset,
        channel=channel.name,
        history=positions[:MAX_HISTORY],
    )
    if order.dry_run:
        return Moved(record, now.position if now else None, changed=True)
    return _write(store, lake, found, record)


def _write(store: Store, lake: Lake, found: _Found, record: ChannelRecord) -> Moved:
    """The one step that moves a channel; what became of it is settled by the UUID of the move."""
    require_safe(store, lake)
    where = lake.channel(record.dataset, record.channel)
    try:
        data = canonical(record.model_dump(mode="json"))
    except ValueError as error:  # a number in a field of somebody else's, which is kept as it is
        raise FormatError(f"{where}: {error}; restore the object from a copy") from error
    before = found.record.position if found.record else None
    try:
        if found.record is None:
            store.create(where, data)
        else:
            store.replace(where, data, found.etag)
    except (ObjectExists, ObjectNotFound, StoreUnavailable) as error:
        there = _find(store, lake, found.channel)
        now = there.record
        if now is not None and record.move in [position.move for position in now.positions]:
            return Moved(record, before, changed=True)  # only the reply was lost, whoever moved it since
        if there.etag == found.etag:
            raise  # nobody moved it, the store just did not do it
        if now is not None and now.version == record.version:
            return Moved(now, now.position, changed=False)
        raise ChannelMoved(
            f"someone else was faster: {_whereabouts(found.channel, now)}; nothing was moved by you, "
            "look and order again"
        ) from error
    return Moved(record, before, changed=True)


def _whereabouts(channel: Channel, record: ChannelRecord | None) -> str:
    if record is None:
        return f"{channel} is not there"
    why = f" ({record.reason})" if record.reason else ""
    return (
        f"{channel} stands at {channel.dataset}@{record.version} since {record.moved_at}, "
        f"by a {record.kind} of {record.by}{why}"
    )
