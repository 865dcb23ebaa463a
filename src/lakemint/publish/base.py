"""Whether a version can be made of the shards of the one before it, and what changed since."""

from lakemint.delta_log import CHANGE_FEED, DeltaLog
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.publish.manifest import Basis
from lakemint.published.present import missing, stored
from lakemint.published.records import Manifest
from lakemint.store.base import Store

_COMMITS = 1000
"""Of so many commits of gold at most, the changes are read one by one."""


def is_base(store: Store, lake: Lake, before: Manifest, basis: Basis, buckets: int) -> bool:
    """Whether a new version can go on from the manifest `before`; else all shards are written anew.

    It must say where its shards belong, by the same number of buckets, and what its content is; gold must be
    the same table, and tell of every commit since what changed; and all its files must be there.
    """
    fits = before.tells_content and before.buckets == buckets
    told = fits and _told(DeltaLog(store, lake, basis.dataset), before, basis)
    return told and not missing(lake, before, stored(store, lake, before.dataset))


def _told(log: DeltaLog, before: Manifest, basis: Basis) -> bool:
    """Whether gold's log tells what changed from the one manifest to the other."""
    old, new = before.inputs["gold"], basis.inputs["gold"]
    if not 0 <= new.version - old.version <= _COMMITS:
        return False
    try:
        log.demand("gold", old)
        commits = [log.at("gold", version) for version in range(old.version + 1, new.version + 1)]
    except LakemintError:
        return False
    return all(commit.note.get(CHANGE_FEED) for commit in commits if commit.changes_data)
