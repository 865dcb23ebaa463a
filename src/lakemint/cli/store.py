"""`lakemint store probe`: whether the lake's store is safe to publish on."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lakemint.printable import printable

app = typer.Typer(help="The lake's object store.", no_args_is_help=True, rich_markup_mode=None)


def register(whole: typer.Typer) -> None:
    whole.add_typer(app, name="store")


@app.command()
def probe(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Find out whether the store is safe to publish on, and remember it. Exit status 1 when it is not.

    The first publish and the first promotion do it by themselves; do it again when the store was upgraded or
    replaced. Makes a few small objects under store/probing/, and removes them.
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.store import open_store
    from lakemint.store.probe import WRITERS
    from lakemint.store.safety import WAY_OUT
    from lakemint.store.safety import probe as try_out

    config = load_config()
    found = try_out(open_store(config), Lake(config.need("lake")))
    if as_json:
        typer.echo(json.dumps({**asdict(found), "safe": found.safe}, indent=2))
    elif found.safe:
        typer.echo(
            f"{found.store} is safe to publish on: of {WRITERS} who wrote one object at once, one was first; "
            "what is written is read and listed"
        )
    else:
        for fault in found.faults:
            typer.echo(printable(f"{found.store}: {fault}"))
        typer.echo(WAY_OUT)
    if not found.safe:
        raise typer.Exit(1)
