"""`lakemint version export | croissant | card`: a published version for other tools, and for people."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.cli.version import AsJson, OneVersion, app, progress_bar, standing
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.export.run import Exported


@app.command()
def export(
    version: OneVersion,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty one.")],
    to: Annotated[
        str, typer.Option("--to", metavar="FORMAT", help="parquet, huggingface, webdataset, mds or litdata.")
    ] = "parquet",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a version as files, and check each file against it, row by row.

    Run it again when it was cut short: it goes on where it stopped. A whole export is only checked.
    """
    from lakemint.config import load_config
    from lakemint.export.run import export as write
    from lakemint.export.run import plan

    config = load_config()
    reference = standing(config, version)
    if dry_run:
        found = plan(config, reference, to, folder)
    else:
        with progress_bar(f"exporting {reference}") as progress:
            found = write(config, reference, to, folder, progress)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        typer.echo(printable(_told(found)))


@app.command()
def croissant(version: OneVersion) -> None:
    """Print a version's description in Croissant, the JSON-LD that dataset search engines read.

    It names the shards, from where the version's card lies in the lake, and is stored there too; an export
    has a croissant.json of its own, which names its files.
    """
    from lakemint.config import load_config
    from lakemint.export.croissant import as_text, of_shards
    from lakemint.published.opened import open_published

    config = load_config()
    typer.echo(as_text(of_shards(open_published(config, standing(config, version)))), nl=False)


@app.command()
def card(
    version: OneVersion,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page there instead.")
    ] = None,
) -> None:
    """Print a version's data card as Markdown, or write it as one HTML page that needs nothing else.

    Drawn from the version's record, its rows, and the version before; the road's end stores the same in the
    lake. `version show` is shorter, and says where.
    """
    from lakemint.config import load_config
    from lakemint.datacard.compose import compose
    from lakemint.datacard.facts import card_facts, measured
    from lakemint.datacard.markdown import markdown
    from lakemint.datacard.page import page, write
    from lakemint.published.opened import open_published

    config = load_config()
    opened = open_published(config, standing(config, version))
    with progress_bar(f"reading {opened.reference}") as progress:
        document = compose(card_facts(config, opened, measured(opened, progress)))
    if html is None:
        typer.echo(markdown(document), nl=False)
    else:
        write(html, page(document))
        typer.echo(printable(f"{opened.reference}: {html}"))


def _told(found: "Exported") -> str:
    from lakemint.amounts import size

    files = "1 file" if len(found.files) == 1 else f"{len(found.files):,} files"
    splits = ", ".join(f"{name} {rows:,}" for name, rows in found.splits.items())
    if not found.changed:
        return f"{found.name}: {found.folder} holds it already, {files}, {size(found.bytes)}, all as written"
    if found.dry_run:
        return (
            f"{found.name} would become {files} of examples in {found.folder}, as {found.to}, "
            f"{found.rows:,} rows ({splits}), from {size(found.bytes)} of shards"
        )
    return (
        f"{found.name}: {files} of {found.to} in {found.folder}, {size(found.bytes)}, "
        f"{found.rows:,} rows ({splits}), each compared with the version"
    )
