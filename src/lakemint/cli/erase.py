"""`lakemint erase | erasures`: take out all that a data subject gave, and show the receipts."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.clock import utc_now
from lakemint.errors import LakemintError
from lakemint.names import check_name
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.erase.orders import Erasures
    from lakemint.erase.records import Order, Receipt
    from lakemint.subjects import Subjects

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    for command in (erase, erasures):
        app.command()(command)


def erase(  # noqa: PLR0913
    dataset: Dataset,
    subject: Annotated[
        list[str],
        typer.Option(
            metavar="VALUE",
            help="What the contract's dataSubject column says of them. Can be given again; - reads lines "
            "from stdin.",
        ),
    ],
    *,
    by: Annotated[
        str,
        typer.Option(metavar="NAME", help="Who orders it.", show_default="LAKEMINT_USER, or your login"),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    order_only: Annotated[
        bool, typer.Option("--order-only", help="Leave it to the DAG erase_<dataset>, which asks nobody.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take all that some data subjects gave out of a dataset: everywhere, and for good.

    Raw objects, tables and their history, Label Studio, every published version, this machine's cache. Each
    version keeps its number and becomes a revision that says how many rows went. What was searched and
    removed is in a receipt; see `lakemint erasures`. Cut off anywhere, the same command completes it. Stop
    the dataset's runs before, and start one afterwards: the tables are made anew from what is left.

    Examples: lakemint erase reviews --subject ana@example.org --dry-run

    lakemint erase reviews --subject - --yes < subjects.txt
    """
    from lakemint.config import load_config

    config = load_config()
    wanted = _subjects(config, check_name(dataset), subject)
    ledger = _erasures(config, dataset)
    order = ledger.order(wanted, by or config.acting_user(), utc_now())
    try:
        if not (order_only or _agreed(config, order, dry_run=dry_run, yes=yes, as_json=as_json)):
            return
        ledger.agree(order)
    finally:
        ledger.withdraw(order)  # unless it is agreed to
    if order_only:
        typer.echo(f"ordered {order.erasure}: the DAG erase_{dataset} carries it out")
        return
    _job(config, order)
    receipt = ledger.read(order.erasure)
    if as_json:
        typer.echo(json.dumps(receipt.model_dump(mode="json"), indent=2))
    else:
        typer.echo(_told(receipt.model_dump(mode="json"), "erased"))
        typer.echo(f"receipt: lakemint erasures {dataset}; next: lakemint run {dataset}")


def erasures(
    dataset: Dataset,
    subject: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE", help="Only those that are about one of these; as in `lakemint erase`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a dataset's erasures: what was removed, on whose order, and who signed the receipt.

    Exit status 1 when one is not complete, or a receipt is not as it was signed.
    """
    from lakemint.config import load_config
    from lakemint.dataset.folder import require_known
    from lakemint.erase.records import Receipt
    from lakemint.lake import Lake
    from lakemint.published.catalog import numbers
    from lakemint.store import open_store

    config = load_config()
    ledger = _erasures(config, check_name(dataset))
    records = ledger.all()
    if not (records or numbers(open_store(config), Lake(config.need("lake")), dataset)):
        require_known(config.schemas, dataset)
    if subject:
        wanted = _subjects(config, dataset, subject)
        records = [record for record in records if record.is_about(wanted)]
    entries = [_entry(config, one) for one in records if isinstance(one, Receipt) and not one.is_due]
    due = [record for record in records if record.is_due]
    asked = [record for record in records if not (record.is_due or record.has_begun)]
    if as_json:
        named = {"open": [one.erasure for one in due], "asked": [one.erasure for one in asked]}
        typer.echo(json.dumps({"complete": entries, **named}, indent=2))
    else:
        _tell_all(dataset, entries, due, asked)
    if due or any(entry["verified"] is False for entry in entries):
        raise typer.Exit(1)


def _subjects(config: "Config", dataset: str, texts: list[str]) -> "Subjects":
    from lakemint.dataset.contract import load_contract
    from lakemint.subjects import LONGEST, Subjects

    column = load_contract(config.schemas_folder(), dataset).subject
    if column is None:
        raise LakemintError(
            f"schemas/{dataset}/contract.yaml names no data subject: give the column of silver that does "
            "customProperties: [{property: dataSubject, value: true}]"
        )
    values = [value.strip() for text in texts for value in (_lines() if text == "-" else [text])]
    for number, value in enumerate(values, start=1):
        if not value or len(value) > LONGEST or not value.isprintable():
            raise LakemintError(f"subject {number} is no printable text of 1 to {LONGEST} characters")
    return Subjects(column, *values)


def _lines() -> list[str]:
    from lakemint.subjects import LONGEST, MOST

    most = (LONGEST + 1) * MOST
    text = sys.stdin.read(most + 1)
    if len(text) > most:
        raise LakemintError(f"more than {most:,} characters of subjects: erase {MOST} at a time")
    return [line for line in text.split("\n") if line.strip()]


def _erasures(config: "Config", dataset: str) -> "Erasures":
    from lakemint.erase.orders import Erasures
    from lakemint.lake import Lake
    from lakemint.store import open_store

    return Erasures(open_store(config), Lake(config.need("lake")), dataset)


def _agreed(config: "Config", order: "Order | Receipt", *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Whether to go on, after what would go was shown; one that has begun is completed without asking."""
    if order.has_begun:
        if dry_run:
            raise LakemintError(f"this erasure was begun on {order.ordered_at} by {order.by}: complete it")
        typer.echo(
            f"completing the erasure that {printable(order.by)} ordered on {order.ordered_at}", err=True
        )
        return True
    if yes and not dry_run:
        return True
    plan = _job(config, order, "plan")
    if as_json and dry_run:
        typer.echo(json.dumps(plan, indent=2))
    else:
        typer.echo(_told(plan, "would erase"), err=as_json)
    return not dry_run and typer.confirm("This cannot be undone. Erase?", err=as_json)


def _job(config: "Config", order: "Order | Receipt", *mode: str) -> dict[str, Any]:
    """What the job says; it is told the order's name only, since others may see a process's arguments."""
    from lakemint.config import job_environment
    from lakemint.job.process import run_job

    outcome = run_job(
        config.schemas_folder().parent / "jobs" / "erase.py",
        [order.dataset, order.erasure, *mode],
        job_environment(),
        lambda line: typer.echo(printable(line), err=True),
    )
    return outcome.details


def _told(found: Mapping[str, Any], verb: str) -> str:
    rows = ", ".join(f"{table} {count:,}" for table, count in found["rows"].items() if count) or "none"
    versions = ", ".join(f"@{one['version']} {one['rows']:,} rows" for one in found["versions"]) or "none"
    lines = [
        f"{verb} {found['records']:,} raw records in {found['objects']:,} raw objects",
        f"  samples   {found['samples']:,}",
        f"  tables    {rows}",
        f"  tasks     {found['tasks']:,} in Label Studio",
        f"  versions  {versions}",
    ]
    if found["unread"]:
        lines.insert(1, f"  unread    {found['unread']:,} of them: a name stands in what nobody can read")
    if recorded := found.get("recorded"):
        lines.append(f"  recorded  {recorded:,} lines of recorded answers")
    if found["lost_states"]:
        lines.append(f"  lost      {found['lost_states']:,} states of silver that versions were made from")
    return "\n".join(lines)


def _entry(config: "Config", receipt: "Receipt") -> dict[str, Any]:
    """A receipt as plain data, and `verified`: whether a trusted key signed it, null where none is."""
    from lakemint.keys import read_public_keys

    trusted = read_public_keys(Path(config.trusted_keys)) if config.trusted_keys else []
    valid = any(receipt.is_signed_by(key) for key in trusted) if trusted else None
    return {**receipt.model_dump(mode="json"), "verified": valid}


def _tell_all(
    dataset: str,
    entries: list[dict[str, Any]],
    due: "Sequence[Order | Receipt]",
    asked: "Sequence[Order | Receipt]",
) -> None:
    if not (entries or due or asked):
        typer.echo(f"{dataset} has no such erasures")
    for entry in entries:
        signed = f"signed by {entry['key'][:16]}…" if entry["key"] else "not signed"
        mark = {True: ", verified", False: ", NOT BY A TRUSTED KEY", None: ""}[entry["verified"]]
        typer.echo(printable(f"{entry['erasure']}  {entry['done_at']}  by {entry['by']}  {signed}{mark}"))
        typer.echo(_told(entry, "  erased"))
    for state, orders in (("NOT COMPLETE, ordered", due), ("only asked what would go,", asked)):
        for one in orders:
            way_out = ": erase again" if one.is_due else ""
            typer.echo(printable(f"{one.erasure}  {state} {one.ordered_at} by {one.by}{way_out}"))
