"""`lakemint blast-radius`: from what turned out bad to versions, channels and training runs."""

import json
from typing import Annotated, Any

import typer

from lakemint.cli.consumers import table_of
from lakemint.cli.version import AsJson, progress_bar, show_thing
from lakemint.errors import LakemintError
from lakemint.printable import printable

_Names = list[str] | None


def register(app: typer.Typer) -> None:
    app.command("blast-radius")(blast_radius)


def blast_radius(  # noqa: PLR0913
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")],
    *,
    source: Annotated[_Names, typer.Option(metavar="NAME", help="Of the recipe, like tweets.")] = None,
    object_: Annotated[
        _Names, typer.Option("--object", metavar="KEY", help="A raw object, like tweets/2026-11.tsv.")
    ] = None,
    annotator: Annotated[
        _Names, typer.Option(metavar="NAME", help="The pseudonym in the annotations, or an e-mail.")
    ] = None,
    sample: Annotated[_Names, typer.Option(metavar="ID", help="A sample_id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what came of something bad: rows of which versions, channels that serve them, runs that read them.

    Ask by one kind; its option can be given again. The tables silver and annotations, as they were when a
    version was made, tell which samples came from a raw object or were seen by an annotator. Every shard that
    may hold such rows is read once. How many of them a run was given is worked out from the order it read in.

    Examples: lakemint blast-radius reviews --source tweets

    lakemint blast-radius reviews --annotator 3f9c0a12d4b87e65 --json
    """
    from lakemint.config import load_config
    from lakemint.lineage.blast import BlastRadius
    from lakemint.names import check_name

    asked = {"source": source, "object": object_, "annotator": annotator, "sample": sample}
    given = [(kind, names) for kind, names in asked.items() if names]
    if len(given) != 1:
        raise LakemintError("ask by one of --source, --object, --annotator and --sample")
    check_name(dataset)
    with progress_bar(f"searching {dataset}") as progress:
        radius = BlastRadius(load_config(), dataset, given[0], progress)
    with progress_bar("working out what runs were given", is_bytes=False) as progress:
        found = radius.plain(progress)
    for problem in found["unreadable"]:
        typer.echo(printable(f"not counted: {problem}").replace("\n", "\ufffd"), err=True)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _tell(found)


def _tell(found: dict[str, Any]) -> None:
    what = printable(f"{found['kind']} {', '.join(found['names'])}").replace("\n", "\ufffd")
    count, of = len(found["versions"]), found["searched"]
    versions = "version" if of == 1 else "versions"
    typer.echo(f"{what}: rows in {count} of {of} {versions} of {found['dataset']}")
    if found["gone"]:
        typer.echo(
            f"not searched, since they were retired and files of them are gone: {', '.join(found['gone'])}"
        )
    if not count:
        return
    show_thing(_versions(found["versions"]))
    if found["runs"]:
        show_thing(table_of(found["runs"]))
    else:
        typer.echo("no run that left a receipt was given any of them")


def _versions(versions: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from lakemint.cli.card_view import short

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("version", "rows", "channels", "told by", "digest"):
        table.add_column(name, overflow="fold")
    for one in versions:
        rows = " · ".join(
            f"{short(name)} {split['rows']:,} of {split['of']:,}"
            for name, split in one["rows"].items()
            if split["rows"]
        )
        serving = ", ".join(one["channels"]) or "-"
        table.add_row(*map(Text, (one["name"], rows, serving, one["told_by"], one["digest"][:12])))
    return table
