"""`lakemint demo`: real raw data walk the road."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.ingest.landing import Landed


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """Land the demo's raw data and walk both demo datasets through the road.

    `reviews`: 23,703 snippets and the ratings people gave them. `digits`: 1,797 handwritten digits.
    Safe to repeat: with nothing new, no new version is published.
    """
    from lakemint.cli.land import said
    from lakemint.cli.run import run
    from lakemint.config import load_config

    began = time.monotonic()
    config = load_config()
    config.need("airflow_url")
    for dataset, landed in _land(config):
        typer.echo(f"{dataset}: {said(landed)}")
    run(["reviews", "digits"], as_json=False, follow=True, timeout=None)
    typer.echo(f"\nthe road took {time.monotonic() - began:.0f} s\n")
    _where_to_look(config)


def _land(config: "Config") -> "Iterator[tuple[str, Landed]]":
    from lakemint.demo.digits import land_digits
    from lakemint.demo.reviews import land_reviews
    from lakemint.lake import Lake
    from lakemint.store import open_store

    store, lake = open_store(config), Lake(config.need("lake"))
    cache = config.schemas_folder().parent / ".lakemint" / "cache"
    yield "reviews", land_reviews(store, lake, cache)
    yield "digits", land_digits(store, lake)


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
