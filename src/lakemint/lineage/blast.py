"""From a bad source, raw object, annotator or sample to versions, the channels that serve them, and runs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.lineage.consumers import Consumers, consumers
from lakemint.lineage.eaten import eaten
from lakemint.lineage.spread import Searched, SplitRows, Spread
from lakemint.lineage.suspects import Question
from lakemint.names import Reference, by_use
from lakemint.published import channels
from lakemint.published.catalog import no_such_version, numbers
from lakemint.published.present import whole_manifest
from lakemint.published.shards import Progress
from lakemint.published.signatures import require_trusted
from lakemint.published.version_record import read_version
from lakemint.store import open_store

Plain = dict[str, Any]


def _quiet(done: int, total: int) -> None:
    """Tells nobody."""


class BlastRadius:
    """What some sources, raw objects, annotators or samples came to.

    One shard is held in memory at a time, and a bit for each row of those that hold any suspected ones.
    """

    def __init__(
        self, config: Config, dataset: str, asked: tuple[str, Sequence[str]], progress: Progress = _quiet
    ) -> None:
        """Search the shards of all versions. `asked`: one of `suspects.KINDS`, and the names.

        Raises LakemintError for unknown names, VersionNotFound when nothing is published, VersionRevised when
        an erasure takes rows meanwhile, IntegrityError, SignatureError, FormatError, ConfigError, StoreError.
        """
        self._lake, self._store = Lake(config.need("lake")), open_store(config)
        self._question = Question(config, self._store, self._lake, dataset, asked)
        self._gone: list[str] = []
        self._searched = [*self._versions(config)]
        self._question.require_known(one.manifest for one in self._searched)
        self._spread = Spread(self._store, self._lake, self._searched, progress)
        if self._question.kind == "sample" and not self._spread.examples:
            named = ", ".join(self._question.names[:5])
            raise LakemintError(f"no version of {dataset} has the sample {named}")

    def plain(self, progress: Progress = _quiet) -> Plain:
        """All there is to say of it, once it is known what runs were given; `progress` is that of `eaten`.

        Raises FormatError for a channel, StoreError, and for a run that read by weights as reading does.
        """
        dataset = self._question.dataset
        serving: dict[int, list[str]] = defaultdict(list)
        for record in channels.listing(self._store, self._lake, dataset):
            serving[record.version].append(record.channel)
        held = [one for one in self._searched if any(self._rows(one).values())]
        readers = [(one, consumers(self._store, self._lake, one.reference)) for one in held]
        return {
            "dataset": dataset,
            "kind": self._question.kind,
            "names": self._question.names,
            "searched": len(self._searched),
            "gone": self._gone,
            "versions": [self._version(one, serving[one.reference.number]) for one in held],
            "runs": [run for one, found in readers for run in self._runs(one, found, progress)],
            "unreadable": [problem for _, found in readers for problem in found.unreadable],
            "examples": self._spread.examples,
        }

    def _versions(self, config: Config) -> Iterator[Searched]:
        dataset = self._question.dataset
        there = numbers(self._store, self._lake, dataset)
        if not there:
            raise no_such_version(dataset, dataset, there)
        for number in there:
            reference = Reference(dataset, number)
            record = read_version(self._store, self._lake, dataset, number)
            manifest, digest = whole_manifest(self._store, self._lake, record), record.manifest
            if manifest is None:  # retired, and its files are gone
                self._gone.append(str(reference))
                continue
            require_trusted(self._store, self._lake, config.trusted_keys, reference, digest)
            yield Searched(reference, digest, manifest, self._question.of(manifest))

    def _rows(self, version: Searched) -> dict[str, int]:
        """Split → how many of its rows are suspected."""
        splits, count = version.manifest.splits, self._spread.count
        return {name: sum(count(version, shard) for shard in splits[name].shards) for name in by_use(splits)}

    def _version(self, version: Searched, serving: list[str]) -> Plain:
        splits, rows = version.manifest.splits, self._rows(version)
        return {
            "name": str(version.reference),
            "version": version.reference.number,
            "digest": version.digest,
            "rows": {name: {"rows": count, "of": splits[name].rows} for name, count in rows.items()},
            "channels": serving,
            "told_by": version.suspects.told_by,
        }

    def _runs(self, version: Searched, readers: Consumers, progress: Progress) -> Iterator[Plain]:
        """The runs that were given suspected rows, and how many."""
        for split, count in self._rows(version).items():
            rows = SplitRows(self._store, self._lake, version, split)
            masks = [self._spread.mask(version, shard) for shard in rows.shards] if count else []
            for one in (one for one in readers.found if count and one.split == split):
                given = eaten(one, rows, masks, progress)
                if given != 0:
                    yield {**one.plain(), "version": str(version.reference), "rows": given, "of": count}
