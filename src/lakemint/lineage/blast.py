"""From a bad source, raw object, annotator or sample to versions, the channels that serve them, and runs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.lineage.consumers import consumers
from lakemint.lineage.eaten import eaten
from lakemint.lineage.spread import Searched, Spread
from lakemint.lineage.suspects import Question
from lakemint.names import Reference, by_use
from lakemint.published import channels
from lakemint.published.catalog import no_such_version, numbers
from lakemint.published.records import read_manifest
from lakemint.published.shards import Progress
from lakemint.published.signatures import require_trusted
from lakemint.published.version_record import read_version
from lakemint.store import Store, open_store

Plain = dict[str, Any]


def blast_radius(
    config: Config,
    dataset: str,
    kind: str,
    names: Sequence[str],
    progress: Progress = lambda done, total: None,
) -> Plain:
    """What some sources, raw objects, annotators or samples came to, as plain data.

    `kind` is one of `suspects.KINDS`. One shard is held in memory at a time, and a bit for each row of those
    that hold any suspected ones; see `eaten` for runs that read a part of an epoch.

    Raises LakemintError for unknown names, VersionNotFound when nothing is published, VersionRevised when an
    erasure takes rows meanwhile, IntegrityError, SignatureError, FormatError, ConfigError and StoreError.
    """
    lake, store = Lake(config.need("lake")), open_store(config)
    question = Question(config, store, lake, dataset, (kind, names))
    searched = [*_searched(config, store, lake, question)]
    question.require_known(one.manifest for one in searched)
    spread = Spread(store, lake, searched, progress)
    if kind == "sample" and not spread.examples:
        raise LakemintError(f"no version of {dataset} has the sample {', '.join(question.names[:5])}")
    held = [one for one in searched if any(_rows(spread, one).values())]
    serving = _channels(store, lake, dataset)
    told = [_runs(store, lake, spread, one) for one in held]
    return {
        "dataset": dataset,
        "kind": kind,
        "names": question.names,
        "searched": len(searched),
        "versions": [_version(spread, one, serving[one.reference.number]) for one in held],
        "runs": [run for runs, _ in told for run in runs],
        "unreadable": [problem for _, problems in told for problem in problems],
        "examples": spread.examples,
    }


def _searched(config: Config, store: Store, lake: Lake, question: Question) -> Iterator[Searched]:
    there = numbers(store, lake, question.dataset)
    if not there:
        raise no_such_version(question.dataset, question.dataset, there)
    for number in there:
        reference = Reference(question.dataset, number)
        digest = read_version(store, lake, question.dataset, number).manifest
        manifest = read_manifest(store, lake, question.dataset, digest)
        require_trusted(store, lake, config.trusted_keys, reference, digest)
        yield Searched(reference, digest, manifest, question.of(manifest))


def _rows(spread: Spread, version: Searched) -> dict[str, int]:
    """Split → how many of its rows are suspected."""
    splits = version.manifest.splits
    return {
        name: sum(spread.count(version, shard) for shard in splits[name].shards) for name in by_use(splits)
    }


def _version(spread: Spread, version: Searched, serving: list[str]) -> dict[str, Any]:
    splits, rows = version.manifest.splits, _rows(spread, version)
    return {
        "name": str(version.reference),
        "version": version.reference.number,
        "digest": version.digest,
        "rows": {name: {"rows": count, "of": splits[name].rows} for name, count in rows.items()},
        "channels": serving,
        "told_by": version.suspects.told_by,
    }


def _channels(store: Store, lake: Lake, dataset: str) -> dict[int, list[str]]:
    """Version → the channels that stand at it."""
    found: dict[int, list[str]] = defaultdict(list)
    for record in channels.listing(store, lake, dataset):
        found[record.version].append(record.channel)
    return found


def _runs(store: Store, lake: Lake, spread: Spread, version: Searched) -> tuple[list[Plain], list[str]]:
    """The runs that were given suspected rows, and how many; what is wrong with receipts none can read."""
    found, rows, told = consumers(store, lake, version.reference), _rows(spread, version), []
    for split in [name for name, count in rows.items() if count]:
        shards = version.manifest.splits[split].shards
        masks = [spread.mask(version, shard) for shard in shards]
        for one in (one for one in found.found if one.split == split):
            given = eaten(one, shards, masks)
            if given != 0:
                told.append(
                    {"version": str(version.reference), **one.plain(), "rows": given, "of": rows[split]}
                )
    return told, [*found.unreadable]
