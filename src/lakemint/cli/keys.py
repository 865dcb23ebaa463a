"""`lakemint keys create | list`: the keys that versions are signed and checked by."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lakemint.cli.version import AsJson
from lakemint.printable import printable

app = typer.Typer(help="Keys that versions are signed by.", no_args_is_help=True, rich_markup_mode=None)


def register(whole: typer.Typer) -> None:
    whole.add_typer(app, name="keys")


@app.command()
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="For the private key, like release.pem.")],
    as_json: AsJson = False,
) -> None:
    """Make a private key that only you can read, and beside it its public key. Overwrites nothing.

    Example: lakemint keys create release.pem
    """
    from lakemint.keys import create_keys, public_path

    key, public = create_keys(file), public_path(file)
    if as_json:
        typer.echo(json.dumps({"key": key.id, "private": str(file), "public": str(public)}, indent=2))
        return
    typer.echo(f"key {key.id}")
    typer.echo(printable(f"{file}: private; keep it to yourself, and sign by it: LAKEMINT_SIGNING_KEY"))
    typer.echo(printable(f"{public}: public; give it to who opens versions: LAKEMINT_TRUSTED_KEYS"))


@app.command("list")
def list_(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|FOLDER]", help="Public keys.", show_default="LAKEMINT_TRUSTED_KEYS"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the ids of public keys, by which `lakemint version show` says who signed."""
    from lakemint.config import load_config
    from lakemint.errors import ConfigError
    from lakemint.keys import read_public_keys

    trusted = load_config().trusted_keys
    if place is None and not trusted:
        raise ConfigError("no keys are trusted: name a file or folder, or set LAKEMINT_TRUSTED_KEYS")
    ids = [key.id for key in read_public_keys(place or Path(trusted))]
    typer.echo(json.dumps(ids, indent=2) if as_json else "\n".join(ids))
