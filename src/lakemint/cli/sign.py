"""`lakemint version sign`: vouch for what a version holds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lakemint.cli.version import AsJson, OneVersion, app, standing


@app.command()
def sign(
    version: OneVersion,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A private key.", show_default="LAKEMINT_SIGNING_KEY"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a version by a private key. Safe to repeat; with LAKEMINT_SIGNING_KEY set, publishing does it.

    Signed is the version's digest, and by it every byte: look at what you sign.
    """
    from lakemint.config import load_config
    from lakemint.errors import ConfigError
    from lakemint.keys import read_private_key
    from lakemint.lake import Lake
    from lakemint.published.signatures import sign as vouch
    from lakemint.published.version_record import open_manifest, read_version
    from lakemint.store import open_store

    config = load_config()
    if key is None and not config.signing_key:
        raise ConfigError(
            "no key to sign by: name one with --key, or set LAKEMINT_SIGNING_KEY; "
            "`lakemint keys create` makes one"
        )
    own = read_private_key(key or Path(config.signing_key))
    reference = standing(config, version)
    lake, store, dataset = Lake(config.need("lake")), open_store(config), reference.dataset
    record = read_version(store, lake, dataset, reference.number)
    digest = record.manifest
    open_manifest(store, lake, record)
    changed = vouch(store, lake, dataset, digest, own)
    if as_json:
        told = {"name": str(reference), "digest": digest, "key": own.public.id, "changed": changed}
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(f"{reference}: {'signed' if changed else 'was signed already'} by {own.public.id}")
