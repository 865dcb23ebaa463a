"""Lakemint: `jobs/publish.py` on the folder store, from gold as assembly leaves it.

Of the tables that `lake_of_rows.py` wrote, links are laid into the lake that is published in, so that each
round begins with the same tables, byte by byte.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.publish.contest import timed
from benchmarks.publish.links import DATASET, link, set_lake
from lakemint.config import load_config
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.difference import difference
from lakemint.published.opened import open_published
from lakemint.published.records import Manifest
from lakemint.store import open_store
from lakemint.store.safety import require_safe


def step(state: str, rows: Path, folder: Path) -> dict[str, Any]:
    """Publish a state; what is told: seconds, and bytes of the shards that hold what changed."""
    from jobs.publish import main

    lake = folder / "lake"
    (lake / "published").mkdir(parents=True, exist_ok=True)
    if not (folder / "remote").exists():
        (folder / "remote").symlink_to(lake / "published")
    set_lake(rows, lake)
    link(rows / "lakes" / state, lake)
    config = load_config()
    require_safe(open_store(config), Lake(config.lake))  # probed once for a lake, not at each publish
    seconds = timed(lambda: main(DATASET))
    number = len(list((lake / "published" / DATASET / "versions").iterdir()))
    manifests = [open_published(config, Reference(DATASET, at)).manifest for at in (number - 1, number) if at]
    stored = sum(shard.stored for shard in manifests[-1].shards)
    return {"seconds": seconds, "stored": stored, "touched": sum(_touched(*manifests))}


def compare(rows: Path, folder: Path) -> dict[str, Any]:
    """`lakemint version diff` of the first two versions."""
    set_lake(rows, folder / "lake")
    first, second = Reference(DATASET, 1), Reference(DATASET, 2)
    return {"seconds": timed(lambda: difference(load_config(), first, second))}


def _touched(before: Manifest, after: Manifest | None = None) -> Iterator[int]:
    """Bytes of each shard that is another one after."""
    kept = {} if after is None else _files(after)
    for place, (files, stored) in _files(before).items():
        if kept.get(place, ((), 0))[0] != files:
            yield stored


def _files(manifest: Manifest) -> dict[tuple[str, int | None], tuple[tuple[str, ...], int]]:
    return {
        (name, shard.bucket): (tuple(file.sha256 for file in shard.files), shard.stored)
        for name, split in manifest.splits.items()
        for shard in split.shards
    }


def main(what: str, rows: Path, folder: Path) -> None:
    print(json.dumps(compare(rows, folder) if what == "diff" else step(what, rows, folder)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
