"""`lakemint version hold | holds | release`: who reads a version for longer, and keeps it meanwhile."""

import json
from typing import Annotated

import typer

from lakemint.cli.version import AsJson, OneVersion, app, show_thing, standing
from lakemint.names import check_name
from lakemint.printable import printable


@app.command()
def hold(
    version: OneVersion,
    days: Annotated[float, typer.Option(metavar="DAYS", help="It ends by itself after so many, at most 90.")],
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who reads it.", show_default="LAKEMINT_USER, or your login")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a version whole and open for some days, whoever retires it meanwhile.

    A training program holds it by itself: with version.hold(days=3, by="run 7"). A retired version can be
    held only while somebody else holds it.

    Examples: lakemint version hold reviews@3 --days 14 --by "run 7"
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.published.holds import Term, take
    from lakemint.published.version_record import looking
    from lakemint.store import open_store

    config = load_config()
    reference, lake, store = standing(config, version), Lake(config.need("lake")), open_store(config)
    term = Term(days, by or config.acting_user())
    name, held = take(store, lake, reference, looking(store, lake, reference.dataset), term)
    if as_json:
        typer.echo(json.dumps({"hold": name, **held.plain()}, indent=2))
    else:
        typer.echo(
            f"{reference} is held until {held.until:%Y-%m-%d %H:%M} UTC; "
            f"`lakemint version release {reference} {name}` ends that"
        )


@app.command()
def holds(
    which: Annotated[
        str, typer.Argument(metavar="DATASET[@NUMBER|@CHANNEL]", help="All of reviews, or of one version.")
    ],
    as_json: AsJson = False,
) -> None:
    """List who holds a version, or any of a dataset's versions, and until when.

    Examples: lakemint version holds reviews

    lakemint version holds reviews@3 --json
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.published.holds import live, uuid_of
    from lakemint.store import open_store

    config = load_config()
    own = open_store(config), Lake(config.need("lake"))
    if "@" in which:
        reference = standing(config, which)
        found = live(*own, reference.dataset, reference.number)
    else:
        found = live(*own, check_name(which))
    if as_json:
        typer.echo(json.dumps([{"hold": uuid_of(key), **held.plain()} for key, held in found], indent=2))
    elif not found:
        typer.echo(f"nobody holds {which}")
    else:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table("version", "until (UTC)", "by", "hold", box=box.SIMPLE_HEAD)
        for key, held in found:
            until = f"{held.until:%Y-%m-%d %H:%M}"
            table.add_row(*map(Text, (str(held.reference), until, printable(held.by), uuid_of(key))))
        show_thing(table, soft_wrap=True)


@app.command()
def release(
    version: OneVersion,
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="Its UUID, by `lakemint version holds`.")],
    as_json: AsJson = False,
) -> None:
    """End a hold before its time, whosever it is: ask who reads the version.

    Examples: lakemint version release reviews@3 0b0c3d5e-58d2-4f5e-9a44-0f1f6f0c7a11
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.published.holds import release as end
    from lakemint.store import open_store

    config = load_config()
    reference = standing(config, version)
    held = end(open_store(config), Lake(config.need("lake")), reference, hold)
    if as_json:
        typer.echo(json.dumps({"hold": hold, **held.plain()}, indent=2))
    else:
        typer.echo(printable(f"{reference} is held no more by {held.by}"))
