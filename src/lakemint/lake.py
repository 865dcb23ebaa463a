"""Every path in the lake is built here, and nowhere else.

raw/<dataset>/<source>/…                as landed, never changed
tables/<table>/<dataset>                Delta
verdicts/<dataset>/<table>/<version>-<commit>/<suite>.json   what the gates said
recorded/<dataset>/<source>.txt         recorded answers, for a replay
store/<sha256 of its address>.json      a store that was found safe to publish on
store/probing/…                         objects to find that out by, gone afterwards
published/<dataset>/{shards,manifests,signatures,documents,versions,channels,leases,holds,erasures,receipts,handovers}/…
published/<dataset>/card/…
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from lakemint.errors import ConfigError, LakemintError
from lakemint.names import TABLES, TableVersion, check_name

_COMMIT = re.compile(r"[0-9A-Za-z-]{0,64}")
_PART = re.compile(r"[a-z]{1,20}\.(json|md|html)")
_RUN = re.compile(r"[a-z][a-z0-9-]{0,39}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Lake:
    """A lake's layout. Methods give keys (relative to the root), `table` a URI that Spark understands."""

    root: str
    """`s3://bucket[/prefix]` or `file:///folder`, no slash at the end."""

    def __post_init__(self) -> None:
        scheme, _, rest = self.root.partition("://")
        if scheme not in ("s3", "file") or not rest.strip("/"):
            raise ConfigError(f"lake {self.root!r}: write s3://bucket[/prefix] or file:///folder")
        object.__setattr__(self, "root", self.root.rstrip("/"))

    @property
    def bucket(self) -> str:
        """The S3 bucket; raises ConfigError for a local folder."""
        if not self.root.startswith("s3://"):
            raise ConfigError(f"lake {self.root} has no bucket: it is a folder")
        return self.root.removeprefix("s3://").split("/", 1)[0]

    @property
    def prefix(self) -> str:
        """What stands before every key in the bucket: empty, or ending in a slash."""
        parts = self.root.removeprefix("s3://").split("/", 1)
        return f"{parts[1]}/" if len(parts) == 2 else ""

    def named(self, key: str) -> tuple[str, str]:
        """Namespace and name of what lies below a key, as OpenLineage has them, no slash at the end.

        https://openlineage.io/docs/spec/naming: `s3://bucket` and the key there, or `file` and the path.
        """
        if self.root.startswith("s3://"):
            return f"s3://{self.bucket}", f"{self.prefix}{key}".rstrip("/")
        return "file", f"{self.root.removeprefix('file://')}/{key}".rstrip("/")

    def table(self, table: str, dataset: str) -> str:
        """URI of a Delta table for Spark: `s3a://…/tables/<table>/<dataset>`."""
        uri = f"{self.root}/{_table_key(table, dataset)}"
        return uri.replace("s3://", "s3a://", 1)

    def files(self, table: str, dataset: str) -> str:
        """Key prefix of a Delta table's files, with its slash."""
        return f"{_table_key(table, dataset)}/"

    def log(self, table: str, dataset: str) -> str:
        """Key prefix of a Delta table's log, with its slash."""
        return f"{_table_key(table, dataset)}/_delta_log/"

    def all_raw(self, dataset: str) -> str:
        """Key prefix of all raw objects, with its slash."""
        return f"raw/{check_name(dataset)}/"

    def raw(self, dataset: str, source: str) -> str:
        """Key prefix of a source's raw objects, with its slash."""
        return f"{self.all_raw(dataset)}{check_name(source, 'source')}/"

    def recordings(self, dataset: str) -> str:
        """Key prefix of recorded answers, with its slash."""
        return f"recorded/{check_name(dataset)}/"

    def recording(self, dataset: str, source: str) -> str:
        """Key of a source's recorded answers."""
        return f"{self.recordings(dataset)}{check_name(source, 'source')}.txt"

    def verdicts(self, dataset: str, table: str, at: TableVersion) -> str:
        """Key prefix of the verdicts on one state of a table, with its slash."""
        if not _COMMIT.fullmatch(at.commit):
            raise ConfigError(f"{at.commit[:60]!r} is no id of a commit")
        folder = f"{at.version:010d}-{at.commit}"
        return f"verdicts/{check_name(dataset)}/{check_name(table, 'table')}/{folder}/"

    def verdict(self, dataset: str, table: str, at: TableVersion, suite: str) -> str:
        """Key of the verdict by one suite; `suite` is its digest."""
        return f"{self.verdicts(dataset, table, at)}{suite}.json"

    @property
    def probing(self) -> str:
        """Key prefix of the objects that a probe of the store makes, with its slash."""
        return "store/probing/"

    def safe_store(self, address: str) -> str:
        """Key of the record that the store at this address is safe to publish on."""
        return f"store/{sha256(address.encode()).hexdigest()}.json"

    def published(self, dataset: str) -> str:
        """Key prefix of all that is published, with its slash."""
        return f"published/{check_name(dataset)}/"

    def shards(self, dataset: str) -> str:
        """Key prefix of the shards, with its slash."""
        return f"{self.published(dataset)}shards/"

    def shard(self, dataset: str, digest: str) -> str:
        return f"{self.shards(dataset)}{digest}.arrow"

    def manifests(self, dataset: str) -> str:
        """Key prefix of the manifests, with its slash."""
        return f"{self.published(dataset)}manifests/"

    def manifest(self, dataset: str, digest: str) -> str:
        return f"{self.manifests(dataset)}{digest}.json"

    def signatures(self, dataset: str, digest: str = "") -> str:
        """Key prefix of the signatures, of all or of one manifest's, with its slash."""
        return f"{self.published(dataset)}signatures/{digest}{'/' if digest else ''}"

    def signature(self, dataset: str, digest: str, key: str) -> str:
        """Key of a manifest's signature by the key of that id."""
        return f"{self.signatures(dataset, digest)}{key}.json"

    def document(self, dataset: str, digest: str) -> str:
        """Key of a contract or recipe that versions were made by."""
        return f"{self.published(dataset)}documents/{digest}.json"

    def leases(self, dataset: str) -> str:
        """Key prefix of the leases, with its slash."""
        return f"{self.published(dataset)}leases/"

    def lease(self, dataset: str, name: str) -> str:
        return f"{self.leases(dataset)}{name}.json"

    def holds(self, dataset: str, number: int | None = None) -> str:
        """Key prefix of the holds, of all versions or of one, with its slash."""
        return f"{self.published(dataset)}holds/{'' if number is None else f'{number:08d}/'}"

    def hold(self, dataset: str, number: int, name: str) -> str:
        """Key of one; `name` is its UUID."""
        return f"{self.holds(dataset, number)}{_uuid(name, 'hold')}.json"

    def erasures(self, dataset: str) -> str:
        """Key prefix of the erasures' orders and receipts, with its slash."""
        return f"{self.published(dataset)}erasures/"

    def erasure(self, dataset: str, name: str) -> str:
        """Key of one's; `name` is its UUID."""
        return f"{self.erasures(dataset)}{_uuid(name, 'erasure')}.json"

    def receipts(self, dataset: str, number: int) -> str:
        """Key prefix of the receipts of the runs that read a version, with its slash."""
        return f"{self.published(dataset)}receipts/{number:08d}/"

    def receipt(self, dataset: str, number: int, name: str) -> str:
        """Key of one; `name` is its UUID."""
        return f"{self.receipts(dataset, number)}{_uuid(name, 'receipt')}.json"

    def handovers(self, dataset: str, run: str = "") -> str:
        """Key prefix of what was handed over to trainings, of all runs or of one, with its slash."""
        if run and not _RUN.fullmatch(run):
            raise LakemintError(f"{run[:60]!r} is no name of a run: use 1 to 40 of a-z, 0-9 and -")
        return f"{self.published(dataset)}handovers/{run}{'/' if run else ''}"

    def handover(self, dataset: str, run: str, attempt: int) -> str:
        """Key of the record of one attempt, from 1."""
        return f"{self.handovers(dataset, run)}{attempt:04d}.json"

    def versions(self, dataset: str) -> str:
        """Key prefix of the version records, with its slash."""
        return f"{self.published(dataset)}versions/"

    def version(self, dataset: str, number: int) -> str:
        return f"{self.versions(dataset)}{number:08d}.json"

    def channels(self, dataset: str) -> str:
        """Key prefix of the channels, with its slash."""
        return f"{self.published(dataset)}channels/"

    def channel(self, dataset: str, name: str) -> str:
        return f"{self.channels(dataset)}{check_name(name, 'channel')}.json"

    def cards(self, dataset: str, number: int | None = None) -> str:
        """Key prefix of all parts of the cards, of all versions or of one, with its slash."""
        return f"{self.published(dataset)}card/{'' if number is None else f'{number:08d}/'}"

    def card(self, dataset: str, number: int, name: str) -> str:
        """Key of one part, such as `baseline.json`, the baseline's score."""
        if not _PART.fullmatch(name):
            raise LakemintError(f"{name[:60]!r} is no part of a card")
        return f"{self.cards(dataset, number)}{name}"


def _uuid(name: str, what: str) -> str:
    if not _UUID.fullmatch(name):
        raise LakemintError(f"{name[:60]!r} is no {what}'s UUID")
    return name


def _table_key(table: str, dataset: str) -> str:
    if table not in TABLES:
        raise ConfigError(f"no table {table!r}: there are {', '.join(TABLES)}")
    return f"tables/{table}/{check_name(dataset)}"
