"""What the gates said, kept in the lake: one verdict for each state of a table and suite, never changed.

    {"format": "lakemint.verdict/1", "dataset", "subject": {"table", "version", "commit"}, "suite": sha256,
     "passed": bool, "checks": [{"name", "column", "severity": "critical" | "warning", "passed", "observed",
                                 "broken": rows, "rows": [sample_id, …]}]}

A verdict is canonical JSON without clock or run: the same table and rules give the same bytes.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sized
from dataclasses import asdict
from typing import Any, Final

from lakemint.dataset.contract import Table
from lakemint.digest import canonical, sha256
from lakemint.errors import FormatError, GateFailed, ObjectExists, ObjectNotFound
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.store import Store

FORMAT: Final = "lakemint.verdict/1"
CRITICAL: Final = "critical"
MAX_ROWS: Final = 20
"""Sample ids a check names, at most."""

MAX_BYTES: Final = 64 * 1024 * 1024
"""A longer verdict is not read."""
_FIELDS: Final = {"dataset", "subject", "suite", "passed", "checks"}
MAX_FAILED: Final = 50
MAX_TEXT: Final = 200
"""Failed checks, and characters of each of their texts, that an outcome tells at most."""

Verdict = Mapping[str, Any]


def verdict_of(
    dataset: str, table: str, at: TableVersion, suite: str, checks: list[dict[str, Any]]
) -> Verdict:
    """The verdict that follows from the checks: passed when every critical one did."""
    return {
        "format": FORMAT,
        "dataset": dataset,
        "subject": {"table": table, **asdict(at)},
        "suite": suite,
        "passed": all(check["passed"] for check in checks if check["severity"] == CRITICAL),
        "checks": checks,
    }


def told(observed: Any) -> float | str | None:
    """What a rule of anybody's found, as a verdict says it: the same on every run, and no text of the data.

    Versions are bound to verdicts, which outlive an erasure: they must not quote what somebody gave. Sums of
    floats depend on their order.
    """
    if isinstance(observed, float):
        return float(f"{observed:.9g}") if math.isfinite(observed) else str(observed)
    if observed is None or isinstance(observed, bool | int):
        return observed
    if isinstance(observed, Sized) and not isinstance(observed, str | bytes):
        return "1 value" if len(observed) == 1 else f"{len(observed):,} values"
    return "a value, which verdicts do not quote"


def keep(store: Store, lake: Lake, verdict: Verdict) -> Verdict:
    """Store a verdict; returns the one that stands, which is the first that was ever stored."""
    subject = verdict["subject"]
    at = TableVersion(subject["version"], subject["commit"])
    key = lake.verdict(verdict["dataset"], subject["table"], at, verdict["suite"])
    try:
        store.create(key, canonical(verdict))
    except ObjectExists:
        return _read(store.get(key, MAX_BYTES), key)
    return verdict


def find(store: Store, lake: Lake, dataset: str, table: Table, at: TableVersion) -> Verdict | None:
    """The verdict on a table's state by the contract's rules for it; None when it was not judged yet."""
    try:
        key = lake.verdict(dataset, table.name, at, table.suite_digest)
        return _read(store.get(key, MAX_BYTES), key)
    except ObjectNotFound:
        return None


def verdicts_on(store: Store, lake: Lake, dataset: str, table: str, at: TableVersion) -> Iterator[Verdict]:
    """Every verdict on a table's state, one a suite, in the order of their suites' digests."""
    for item in store.list(lake.verdicts(dataset, table, at)):
        yield _read(store.get(item.key, MAX_BYTES), item.key)


def passing(store: Store, lake: Lake, dataset: str, table: Table, at: TableVersion) -> str:
    """The digest of the verdict that lets a state of `table` pass, by the contract as it is now.

    Raises GateFailed when there is no verdict, or a failed one.
    """
    verdict = find(store, lake, dataset, table, at)
    if verdict is None:
        raise GateFailed(
            f"{table.name}/{dataset} version {at.version} was not judged by its contract as it is now; "
            f"`lakemint run {dataset}` judges it"
        )
    require(verdict)
    return digest(verdict)


def require(verdict: Verdict) -> None:
    """Raises GateFailed, naming rules and rows, unless the verdict passed."""
    if verdict["passed"] is True:
        return
    subject = verdict["subject"]
    broken = [check for check in verdict["checks"] if not check["passed"] and check["severity"] == CRITICAL]
    lines = [
        f"{subject['table']}/{verdict['dataset']} version {subject['version']} breaks "
        f"{len(broken)} critical rule{'' if len(broken) == 1 else 's'} of its contract; "
        "mend the data, the recipe or the rule, and run again",
        *(_sentence(check) for check in broken),
    ]
    raise GateFailed("\n".join(lines))


def digest(verdict: Verdict) -> str:
    """The identity of a verdict: sha256 of its bytes."""
    return sha256(canonical(verdict))


def summary(verdict: Verdict) -> dict[str, dict[str, Any]]:
    """Counts and details for an outcome: how many checks failed, and which."""
    failed = [check for check in verdict["checks"] if not check["passed"]]
    return {
        "counts": {"checks": len(verdict["checks"]), "failed": len(failed)},
        "details": {
            "version": verdict["subject"]["version"],
            "failed": [_brief(check) for check in failed[:MAX_FAILED]],
        },
    }


def _brief(check: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(check[key])[:MAX_TEXT] for key in ("name", "severity", "observed")}


def _sentence(check: Mapping[str, Any]) -> str:
    rows = check["rows"]
    more = ", …" if check["broken"] > len(rows) else ""
    which = f", in {', '.join(rows)}{more}" if rows else ""
    column = f"{check['column']}: " if check["column"] else ""
    number = "1 row" if check["broken"] == 1 else f"{check['broken']} rows"
    what = number if check["broken"] else f"found {check['observed']}"
    return f"  {column}{check['name']}: {what}{which}"


def _read(data: bytes, key: str) -> Verdict:
    """Raises FormatError for what is no verdict of ours."""
    try:
        verdict = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{key}: not JSON ({error}); take the object away and judge again") from error
    if not isinstance(verdict, dict) or verdict.get("format") != FORMAT or not verdict.keys() >= _FIELDS:
        raise FormatError(f"{key}: no {FORMAT}; take the object away and judge again")
    return verdict
