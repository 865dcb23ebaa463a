"""Ordering erasures and reading their receipts, as on a command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from lakemint.cli import build
from lakemint.config import Config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order, digests_of_subjects
from lakemint.errors import LakemintError
from lakemint.keys import PrivateKey
from lakemint.lake import Lake
from lakemint.store import FolderStore
from lakemint.subjects import MOST, Subjects
from tests.unit.erase.test_orders import FOUND, placed, receipt_of

KEY = {"name": "sample_id", "logicalType": "string", "required": True, "unique": True, "primaryKey": True}
AUTHOR = {
    "name": "author",
    "logicalType": "string",
    "customProperties": [{"property": "dataSubject", "value": True}],
}
LABEL = {"name": "label", "logicalType": "string", "required": True}


@pytest.fixture(autouse=True)
def erasures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Erasures:
    """Those of `notes`, whose records are their authors'; in `plain` nobody is named."""
    for name, own in (("notes", AUTHOR), ("plain", {"name": "author", "logicalType": "string"})):
        contract = {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": name,
            "name": name,
            "version": "1.0.0",
            "status": "active",
            "schema": [
                {"name": "silver", "properties": [KEY, own]},
                {"name": "gold", "properties": [KEY, LABEL]},
            ],
        }
        folder = tmp_path / "schemas" / name
        folder.mkdir(parents=True)
        (folder / "contract.yaml").write_text(yaml.safe_dump(contract))
    lake = f"file://{tmp_path / 'lake'}"
    values = {"HOME": str(tmp_path), "LAKE": lake, "SCHEMAS": str(tmp_path / "schemas"), "USER": "ana"}
    for name, value in values.items():
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    return Erasures(FolderStore(tmp_path / "lake"), Lake(lake), "notes")


def lakemint(*arguments: str, given: str | None = None, status: int = 0) -> str:
    """What a command prints that ends so; its error is raised."""
    runner = CliRunner(env={"COLUMNS": "120"})
    result: Result = runner.invoke(build(), arguments, input=given, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


def ordered(erasures: Erasures, *arguments: str, given: str | None = None) -> Order:
    told = lakemint("erase", "notes", *arguments, "--order-only", given=given)
    (order,) = (one for one in erasures.due() if one.erasure in told)
    assert "the DAG erase_notes carries it out" in told
    assert isinstance(order, Order)
    return order


def test_an_order_names_all_who_are_to_be_erased_once(erasures: Erasures) -> None:
    order = ordered(erasures, "--subject", "Bo", "--subject", "-", given=" Ana Ruíz \n\nBo\r\n")
    assert (order.subjects.column, order.subjects.plain) == ("author", frozenset({"Ana Ruíz", "Bo"}))
    assert (order.by, order.found) == ("ana", None)
    assert ordered(erasures, "--subject", "Ana  Ruíz", "--subject", "Bo") == order
    assert ordered(erasures, "--subject", "Bo", "--by", "eva").by == "eva"


@pytest.mark.parametrize(
    ("dataset", "subjects", "problem"),
    [
        ("plain", ["Bo"], r"schemas/plain/contract\.yaml names no data subject: .*dataSubject"),
        ("notes", ["Bo", " "], "subject 2 is no printable text of 1 to 512 characters"),
        ("notes", ["B\x1b[2J"], "subject 1 is no printable text"),
        ("notes", ["B" * 5000], "subject 1 is no printable text"),
        ("notes", ["-"], f"0 data subjects; 1 to {MOST} can be erased at once"),
        ("../notes", ["Bo"], "name"),
    ],
)
def test_nobody_is_erased_by_a_wrong_word(
    erasures: Erasures, dataset: str, subjects: list[str], problem: str
) -> None:
    named = [word for subject in subjects for word in ("--subject", subject)]
    with pytest.raises(LakemintError, match=problem):
        lakemint("erase", dataset, *named, "--order-only", given="")
    assert erasures.all() == []


def test_what_is_not_agreed_to_is_not_carried_out(
    erasures: Erasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of no, Ctrl-C, a job that fails: all before the first word of agreement."""
    seen: list[bool] = []

    def job(_config: Config, order: Order, *mode: str) -> dict[str, Any]:
        seen.append(order.is_due)
        assert mode == ("plan",)
        if len(seen) == 2:
            raise LakemintError("Spark is down")
        return {**FOUND.model_dump(), "samples": 1, "records": 1, "unread": 1, "objects": 1, "versions": []}

    monkeypatch.setattr("lakemint.cli.erase._job", job)
    told = lakemint("erase", "notes", "--subject", "Bo", given="n\n")
    assert "1 of them: a name stands in what nobody can read" in told and "Erase? [y/N]: n" in told
    with pytest.raises(LakemintError, match="Spark is down"):
        lakemint("erase", "notes", "--subject", "Bo", "--dry-run")
    lakemint("erase", "notes", "--subject", "Bo", status=1)  # nobody answers
    assert (seen, erasures.all()) == ([False] * 3, [])


def test_an_erasure_that_has_begun_is_completed_or_left(erasures: Erasures) -> None:
    order = ordered(erasures, "--subject", "Bo")
    erasures.replace(order, order.model_copy(update={"found": FOUND}))
    with pytest.raises(LakemintError, match=r"begun on .* by ana: complete it"):
        lakemint("erase", "notes", "--subject", "Bo", "--dry-run")
    told = lakemint("erasures", "notes", status=1)
    assert f"{order.erasure}  NOT COMPLETE, ordered {order.ordered_at} by ana: erase again" in told
    assert "Bo" not in told
    open_ = json.loads(lakemint("erasures", "notes", "--json", status=1))["open"]
    unfinished = receipt_of(order).model_copy(update={"done_at": None})
    erasures.replace(erasures.read(order.erasure), unfinished)
    assert json.loads(lakemint("erasures", "notes", "--json", status=1))["open"] == open_ == [order.erasure]
    with pytest.raises(LakemintError, match=r"begun on .* by ana: complete it"):
        lakemint("erase", "notes", "--subject", "Bo", "--dry-run")


def test_an_order_that_only_asks_is_told_as_such(erasures: Erasures) -> None:
    order = placed(erasures, Subjects("author", "Bo"))
    assert f"{order.erasure}  only asked what would go, {order.ordered_at} by eva" in lakemint(
        "erasures", "notes"
    )


def test_receipts_are_found_by_whom_they_are_about(erasures: Erasures) -> None:
    assert lakemint("erasures", "notes") == "notes has no such erasures\n"
    with pytest.raises(LakemintError, match="schemas/ has no such dataset; there are notes, plain"):
        lakemint("erasures", "nots")
    for name in ("Bo", "Eve"):
        order = ordered(erasures, "--subject", name)
        erasures.replace(order, receipt_of(order))
    told = lakemint("erasures", "notes")
    assert told.count("by ana  not signed") == told.count("erased 1 raw records in 1 raw objects") == 2
    about = json.loads(lakemint("erasures", "notes", "--subject", " Bo", "--subject", "Nobody", "--json"))
    assert (len(about["complete"]), about["open"]) == (1, [])
    (receipt,) = about["complete"]
    assert receipt["verified"] is None
    assert lakemint("erasures", "notes", "--subject", "Nobody") == "notes has no such erasures\n"


def test_a_receipt_that_no_trusted_key_signed_is_told(
    erasures: Erasures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = PrivateKey(b"1" * 32), PrivateKey(b"2" * 32)
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(key.public.pem)
    monkeypatch.setenv("LAKEMINT_TRUSTED_KEYS", str(trusted))
    order = ordered(erasures, "--subject", "Bo")
    signed = receipt_of(order).signed(key)
    erasures.replace(order, signed)
    assert f"signed by {key.public.id[:16]}…, verified" in lakemint("erasures", "notes")
    erasures.replace(signed, receipt_of(order).signed(other))
    assert "NOT BY A TRUSTED KEY" in lakemint("erasures", "notes", status=1)
    (entry,) = json.loads(lakemint("erasures", "notes", "--json", status=1))["complete"]
    assert entry["subjects"] == digests_of_subjects(order.erasure, order.subjects)
    assert entry["verified"] is False
