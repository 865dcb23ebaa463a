"""`lakemint version gc`: remove what no version holds."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.amounts import size
from lakemint.cli.version import AsJson, app, progress_bar
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.published.garbage import Garbage

SHOWN = 20
"""Objects a dry run names, at most; --json names all."""


@app.command()
def gc(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")],
    grace: Annotated[
        float, typer.Option(metavar="DAYS", min=0, max=3650, help="Nothing younger is removed.")
    ] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove files that no version holds, such as a killed publish leaves, and those of retired versions.

    A retired version's files go that no other holds, once it was retired so many days ago, nobody holds it
    and no channel stands at it; its number stays taken. It waits for no one: while a dataset is being
    published, it says so and removes nothing.

    Examples: lakemint version gc reviews --dry-run

    lakemint version gc reviews --grace 30
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.names import check_name
    from lakemint.published.garbage import collect_garbage, find_garbage
    from lakemint.store import open_store

    check_name(dataset)
    config = load_config()
    store, lake, term = open_store(config), Lake(config.need("lake")), timedelta(days=grace)
    if dry_run:
        found = find_garbage(store, lake, dataset, term)
    else:
        with progress_bar(f"sweeping {dataset}") as progress:
            found = collect_garbage(store, lake, dataset, term, progress)
    if as_json:
        typer.echo(json.dumps({"removed": not dry_run, **_plain(found)}, indent=2))
    else:
        _tell(dataset, found, grace, dry_run)


def _plain(found: "Garbage") -> dict[str, Any]:
    objects = [{**asdict(item), "modified": item.modified.isoformat()} for item in found.objects]
    retired = {
        number: {"objects": len(items), "bytes": sum(item.size for item in items)}
        for number, items in found.retired.items()
    }
    told = {"objects": objects, "bytes": found.bytes, "young": found.young}
    return {**told, "retired": retired, "kept": found.kept}


def _tell(dataset: str, found: "Garbage", grace: float, dry_run: bool) -> None:
    count = len(found.objects)
    noun = "object that no version holds" if count == 1 else "objects that no version holds"
    verb = "would remove" if dry_run else "removed"
    typer.echo(f"{dataset}: {verb} {count:,} {noun}, {size(found.bytes)}")
    if found.young:
        typer.echo(f"kept {found.young:,} more, younger than {grace:g} days")
    for number, items in found.retired.items():
        own = f"{len(items):,} of them, {size(sum(item.size for item in items))}"
        typer.echo(f"{dataset}@{number} is retired: {own}, {'are' if dry_run else 'were'} its")
    for number, until in found.kept.items():
        typer.echo(printable(f"{dataset}@{number} is retired, and kept {until}"))
    for item in found.objects[:SHOWN] if dry_run else ():
        typer.echo(f"  {item.key}  {size(item.size)}")
    if dry_run and count > SHOWN:
        typer.echo(f"  … {count - SHOWN:,} more; --json names all")
