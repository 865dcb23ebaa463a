"""Whether a version may be promoted: its manifest is whole, and the verdicts that it binds all passed."""

from collections.abc import Iterator
from dataclasses import dataclass

from lakemint.dataset.contract import CONTRACT_TABLES
from lakemint.digest import sha256
from lakemint.errors import FormatError, GateFailed
from lakemint.lake import Lake
from lakemint.names import Reference, TableVersion
from lakemint.published.records import MAX_BYTES, Manifest, VerdictRecord, parse, read_manifest
from lakemint.published.version_record import VersionRecord, read_version, require_in_use
from lakemint.store.base import Store
from lakemint.verdicts import CRITICAL


@dataclass(frozen=True)
class FoundVerdict:
    """A verdict's bytes, and which state of which table its place says that it is about."""

    key: str
    table: str
    at: TableVersion
    data: bytes

    @property
    def digest(self) -> str:
        """By which manifests bind it."""
        return sha256(self.data)


def judged(store: Store, lake: Lake, version: Reference) -> tuple[VersionRecord, list[str]]:
    """A version's record, and the digests of the verdicts that let it pass.

    The manifest binds its verdicts by digest: one that is found says what it said at publishing, by the suite
    that was in force then. Raises VersionNotFound, VersionRetired, IntegrityError and FormatError for
    the version, GateFailed naming the verdict that is missing, unreadable, about something else or did not
    pass, and StoreError when the store cannot tell: what is not known to have passed has not.
    """
    record = read_version(store, lake, version.dataset, version.number)
    require_in_use(store, lake, record)
    manifest = read_manifest(store, lake, version.dataset, record.manifest)
    there = {found.digest: found for found in verdicts_of(store, lake, manifest)}
    tables = set()
    for digest in manifest.verdicts:
        if digest not in there:
            raise _refusal(
                version,
                f"its verdict {digest} is not in the lake, or not as it was when it was published with it "
                f"(restore verdicts/{version.dataset}/ from a copy)",
            )
        _require_passed(version, there[digest])
        tables.add(there[digest].table)
    if unjudged := [table for table in CONTRACT_TABLES if table not in tables]:
        raise _refusal(version, f"it was published without a verdict on {' and '.join(unjudged)}")
    return record, manifest.verdicts


def verdicts_of(store: Store, lake: Lake, manifest: Manifest) -> Iterator[FoundVerdict]:
    """Every verdict on the very states of tables that the manifest is made of; raises StoreError."""
    for table, at in manifest.inputs.items():
        for item in store.list(lake.verdicts(manifest.dataset, table, at)):
            yield FoundVerdict(item.key, table, at, store.get(item.key, MAX_BYTES))


def _require_passed(version: Reference, found: FoundVerdict) -> None:
    """Raises GateFailed unless the verdict is about what its place says, and passed."""
    try:
        verdict = parse(VerdictRecord, found.data, found.key)
    except FormatError as error:
        raise _refusal(version, f"a verdict that it was published with cannot be read: {error}") from error
    said = (verdict.dataset, verdict.subject.table, verdict.subject.at)
    if said != (version.dataset, found.table, found.at) or not found.key.endswith(f"/{verdict.suite}.json"):
        raise _refusal(version, f"the verdict {found.key} is not about what its place says")
    broken = [check.name[:100] for check in verdict.checks if check.severity == CRITICAL and not check.passed]
    if broken or not verdict.passed:
        raise _refusal(version, f"its verdict {found.key} did not pass: {'; '.join(broken[:5])}")


def _refusal(version: Reference, why: str) -> GateFailed:
    return GateFailed(
        f"{version} cannot be promoted: {why}; promote one that passed, "
        f"`lakemint run {version.dataset}` makes the next"
    )
