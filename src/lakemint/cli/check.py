"""`lakemint check`: whether datasets are described well, before anything runs."""

import json
from typing import Annotated

import typer

from lakemint.printable import printable


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    dataset: Annotated[
        str | None, typer.Argument(help="This dataset only; all of them without.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check contracts, recipes and label forms. Exit status 1 when something is wrong."""
    from lakemint.check import problems
    from lakemint.config import load_config
    from lakemint.dataset.folder import datasets

    schemas = load_config().schemas_folder()
    found = {name: problems(schemas, name) for name in ([dataset] if dataset else datasets(schemas))}
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for name, lines in found.items():
            typer.echo(f"{name}: {'in order' if not lines else _counted(len(lines))}")
            for line in lines:
                typer.echo(f"  {printable(line)}")
        if not found:
            typer.echo(f"no dataset in {schemas}; make a folder with contract.yaml and recipe.yaml there")
    if any(found.values()):
        raise typer.Exit(1)


def _counted(problems: int) -> str:
    return "1 problem" if problems == 1 else f"{problems} problems"
