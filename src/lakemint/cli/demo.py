"""`lakemint demo`: real raw data walk the road. `lakemint land`: the landing, for files of your own."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.errors import LakemintError

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.landing import Landed


def register(app: typer.Typer) -> None:
    app.command()(land)
    app.command()(demo)


def land(
    where: Annotated[str, typer.Argument(metavar="DATASET/SOURCE", help="Like reviews/tweets.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False)],
) -> None:
    """Land files as raw objects of a source, as they are, under their own names.

    Example: lakemint land reviews/tweets monday.tsv tuesday.tsv.gz
    """
    from lakemint.config import load
    from lakemint.lake import Lake
    from lakemint.landing import land as write
    from lakemint.recipe import load_recipe
    from lakemint.store import open_store

    dataset, _, source = where.partition("/")
    config = load()
    sources = load_recipe(config.datasets(), dataset).sources
    if source not in sources:
        raise LakemintError(f"{dataset} has no source {source!r}: its recipe names {', '.join(sources)}")
    contents = ((path.name, path.read_bytes()) for path in files)
    landed = write(open_store(config), Lake(config.need("lake")).raw(dataset, source), contents)
    typer.echo(f"{_said(landed)}; go on with: lakemint run {dataset}")


def demo() -> None:
    """Land the demo's raw data and walk both demo datasets through the road.

    `reviews`: 23,703 snippets and the ratings people gave them. `digits`: 1,797 handwritten digits.
    Safe to repeat: with nothing new, no new version is published.
    """
    from lakemint.cli.run import run
    from lakemint.config import load

    began = time.monotonic()
    config = load()
    config.need("airflow_url")
    for dataset, landed in _land(config):
        typer.echo(f"{dataset}: {_said(landed)}")
    run(["reviews", "digits"], as_json=False, follow=True, timeout=None)
    typer.echo(f"\nthe road took {time.monotonic() - began:.0f} s\n")
    _where_to_look(config)


def _land(config: "Config") -> "Iterator[tuple[str, Landed]]":
    from lakemint.demo.digits import land_digits
    from lakemint.demo.reviews import land_reviews
    from lakemint.lake import Lake
    from lakemint.store import open_store

    store, lake = open_store(config), Lake(config.need("lake"))
    cache = config.datasets().parent / ".lakemint" / "cache"
    yield "reviews", land_reviews(store, lake, cache)
    yield "digits", land_digits(store, lake)


def _said(landed: "Landed") -> str:
    return f"{landed.new:,} raw objects landed, {landed.known:,} were there"


def _where_to_look(config: "Config") -> None:
    """Addresses and logins. Passwords only for a person at a terminal; else the file that holds them."""
    terminal = sys.stdout.isatty()
    places = (
        ("Airflow", config.airflow_url, config.airflow_user, config.airflow_password),
        ("Label Studio", config.label_studio_url, config.label_studio_user, config.label_studio_password),
        ("Published", f"{config.lake}/published/", config.s3_access_key, config.s3_secret_key),
    )
    typer.echo("where to look")
    for name, address, user, password in places:
        login = f"{user} / {password}" if terminal else user
        typer.echo(f"  {name:13} {address:32} {login}")
    typer.echo(f"  {'':13} the store answers at {config.s3_endpoint}")
    if not terminal and config.home:
        typer.echo(f"  {'':13} the passwords are in {config.home / 'credentials.json'}")
