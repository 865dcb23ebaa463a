"""`lakemint version list | show`: the published versions of a dataset."""

import json
from typing import Annotated

import typer

app = typer.Typer(help="Published versions.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(whole: typer.Typer) -> None:
    whole.add_typer(app, name="version")


@app.command("list")
def list_(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")], as_json: AsJson = False
) -> None:
    """List a dataset's published versions, oldest first."""
    from lakemint.config import load_config
    from lakemint.names import check_name
    from lakemint.published.card import listing

    entries = listing(load_config(), check_name(dataset))
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
    elif not entries:
        typer.echo(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    else:
        from lakemint.cli.card_view import versions

        _print(versions(entries))


@app.command()
def show(
    version: Annotated[
        str, typer.Argument(metavar="DATASET[@NUMBER]", help="reviews@3, or reviews: the newest.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a version's card."""
    from lakemint.cli.card_view import view
    from lakemint.config import load_config
    from lakemint.names import Reference, check_name
    from lakemint.published.card import card

    if "@" in version:
        reference = Reference.parse(version)
        found = card(load_config(), reference.dataset, reference.number)
    else:
        found = card(load_config(), check_name(version))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(view(found))


def _print(thing: object) -> None:
    from rich.console import Console

    Console().print(thing)
