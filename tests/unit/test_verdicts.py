"""Verdicts stand where they were put, and nothing passes without one."""

from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.dataset.contract import Contract, load_contract
from lakemint.errors import GateFailed
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.store import Store, open_store
from lakemint.verdicts import digest, find, keep, passing, told, verdict_of
from tests.unit.contracts import column, write

AT = TableVersion(3, "c3")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(f"file://{tmp_path}/lake")


@pytest.fixture
def store(lake: Lake) -> Store:
    return open_store(Config(lake=lake.root))


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(write(tmp_path / "schemas"), "pets")


def check(passed: bool, severity: str = "critical", **more: Any) -> dict[str, Any]:
    whole = {"name": "text is never null", "column": "text", "severity": severity, "passed": passed}
    return whole | {"observed": 0, "broken": 0, "rows": []} | more


def verdict(contract: Contract, *checks: dict[str, Any], at: TableVersion = AT) -> Any:
    return verdict_of("pets", "silver", at, contract.table("silver").suite_digest, list(checks))


def test_a_passed_verdict_lets_pass_by_its_digest(store: Store, lake: Lake, contract: Contract) -> None:
    said = keep(store, lake, verdict(contract, check(True)))
    assert passing(store, lake, "pets", contract.table("silver"), AT) == digest(said)


def test_nothing_passes_unjudged(store: Store, lake: Lake, contract: Contract) -> None:
    keep(store, lake, verdict(contract, check(True), at=AT))
    with pytest.raises(GateFailed, match=r"silver/pets version 4 was not judged"):
        passing(store, lake, "pets", contract.table("silver"), TableVersion(4, "c4"))
    with pytest.raises(GateFailed, match=r"silver/pets version 3 was not judged"):
        passing(store, lake, "pets", contract.table("silver"), TableVersion(AT.version, "another-table"))
    with pytest.raises(GateFailed, match=r"gold/pets version 3 was not judged"):
        passing(store, lake, "pets", contract.table("gold"), AT)


def test_a_verdict_by_other_rules_does_not_count(
    store: Store, lake: Lake, contract: Contract, tmp_path: Path
) -> None:
    keep(store, lake, verdict(contract, check(True)))
    stricter = write(tmp_path / "schemas", lambda c: column(c, "age").update(required=True))
    with pytest.raises(GateFailed, match="was not judged by its contract as it is now"):
        passing(store, lake, "pets", load_contract(stricter, "pets").table("silver"), AT)


def test_a_failed_verdict_names_rule_count_and_rows(store: Store, lake: Lake, contract: Contract) -> None:
    rows = [f"{number:032x}" for number in range(20)]
    keep(
        store,
        lake,
        verdict(
            contract,
            check(False, observed=21, broken=21, rows=rows),
            check(False, "warning", name="a warning"),
            check(False, name="row count must be greater than 0", column=None, observed=0),
        ),
    )
    with pytest.raises(GateFailed) as error:
        passing(store, lake, "pets", contract.table("silver"), AT)
    first, broken, count = str(error.value).splitlines()
    assert first.startswith("silver/pets version 3 breaks 2 critical rules of its contract; mend")
    assert broken == f"  text: text is never null: 21 rows, in {', '.join(rows)}, …"
    assert count == "  row count must be greater than 0: found 0"


def test_a_warning_does_not_stop(store: Store, lake: Lake, contract: Contract) -> None:
    said = keep(store, lake, verdict(contract, check(True), check(False, "warning")))
    assert passing(store, lake, "pets", contract.table("silver"), AT) == digest(said)


def test_the_first_verdict_stands(store: Store, lake: Lake, contract: Contract) -> None:
    first = keep(store, lake, verdict(contract, check(False)))
    assert keep(store, lake, verdict(contract, check(True))) == first
    assert find(store, lake, "pets", contract.table("silver"), AT) == first


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (7, 7),
        (True, True),
        (None, None),
        (1 / 3, 0.333333333),
        (float("nan"), "nan"),
        ("Zoë Q7", "a value, which verdicts do not quote"),
        (b"Zo", "a value, which verdicts do not quote"),
        (["Zoë Q7"], "1 value"),
        ({"Zoë": 1, "Bo": 2}, "2 values"),
    ],
)
def test_what_a_rule_found_is_told_without_quoting_the_data(observed: Any, said: Any) -> None:
    assert told(observed) == said
