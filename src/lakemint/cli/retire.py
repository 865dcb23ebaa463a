"""`lakemint version retire | restore`: take a version out of use, and bring it back."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.cli.version import AsJson, app
from lakemint.names import Reference
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.published.holds import Hold
    from lakemint.published.version_record import VersionRecord

OneNumber = Annotated[str, typer.Argument(metavar="DATASET@NUMBER", help="Like reviews@3.")]


@app.command()
def retire(
    version: OneNumber,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever opens it.")],
    *,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who does it.", show_default="LAKEMINT_USER, or your login")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a version out of use: it opens no more, unless somebody holds it, and later gc removes its files.

    Not the newest version, and none that a channel stands at. Safe to repeat. Its number is never used again,
    and until its files go `lakemint version restore` brings it back.

    Examples: lakemint version retire reviews@3 --reason "labels of the first batch" --dry-run

    lakemint version retire reviews@3 --reason "labels of the first batch"
    """
    from datetime import UTC, datetime

    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.published.holds import live
    from lakemint.published.retirement import retire as take_away
    from lakemint.published.version_record import Retirement
    from lakemint.store import open_store

    reference, config = Reference.parse(version), load_config()
    lake, store = Lake(config.need("lake")), open_store(config)
    retirement = Retirement(at=datetime.now(UTC), by=by or config.acting_user(), reason=reason)
    record, changed = take_away(store, lake, reference, retirement, dry_run=dry_run)
    held = [one for _, one in live(store, lake, reference.dataset, reference.number)]
    if as_json:
        told = {**_plain(record, changed), "dry_run": dry_run, "holds": [one.plain() for one in held]}
        typer.echo(json.dumps(told, indent=2))
    else:
        _tell(record, changed, dry_run, held)


@app.command()
def restore(version: OneNumber, as_json: AsJson = False) -> None:
    """Bring a retired version back into use, while its files are there. Safe to repeat.

    Examples: lakemint version restore reviews@3
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.published.retirement import restore as bring_back
    from lakemint.store import open_store

    reference, config = Reference.parse(version), load_config()
    record, changed = bring_back(open_store(config), Lake(config.need("lake")), reference)
    if as_json:
        typer.echo(json.dumps(_plain(record, changed), indent=2))
    else:
        typer.echo(f"{reference}: {'in use again' if changed else 'was in use already'}")


def _plain(record: "VersionRecord", changed: bool) -> dict[str, Any]:
    retired = record.retired.model_dump(mode="json") if record.retired else None
    return {"name": str(record.reference), "retired": retired, "changed": changed}


def _tell(record: "VersionRecord", changed: bool, dry_run: bool, held: list["Hold"]) -> None:
    from lakemint.published.garbage import GRACE
    from lakemint.published.taken import told

    name, retired = record.reference, record.retired
    assert retired is not None  # noqa: S101
    if not changed:
        typer.echo(printable(f"{told(name, retired)}; nothing was changed"))
    else:
        ends = f"{retired.at + GRACE:%Y-%m-%d}"
        typer.echo(
            printable(f"{'would retire' if dry_run else 'retired'} {name}: {retired.reason}") + "\n"
            f"from {ends} on `lakemint version gc {name.dataset}` removes what only it holds; until then "
            f"`lakemint version restore {name}` brings it back"
        )
    for one in held:
        typer.echo(printable(f"held until {one.until:%Y-%m-%d %H:%M} UTC by {one.by}"))
