"""`lakemint feed profile`: where the time of loading a version goes."""

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.cli.version import AsJson

if TYPE_CHECKING:
    from lakemint.feed.profile import Profile

app = typer.Typer(help="Loading versions for training.", no_args_is_help=True, rich_markup_mode=None)
_WIDTH = 24
"""Characters of a bar."""


def register(whole: typer.Typer) -> None:
    whole.add_typer(app, name="feed")


@app.callback()
def feed() -> None:
    """Loading versions for training."""


@app.command()
def profile(  # noqa: PLR0913
    version: Annotated[
        str, typer.Argument(metavar="DATASET@NUMBER|@CHANNEL", help="reviews@3, or reviews@production.")
    ],
    *,
    split: Annotated[str, typer.Option(metavar="NAME", help="Which split to load.")] = "train",
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Examples of a batch.")] = 256,
    column: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Read only this; again for more.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=600, help="How long to measure, twice.")
    ] = 5,
    cold: Annotated[bool, typer.Option("--cold", help="With an empty cache of its own.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load a split for a few seconds, and say which stage takes how long and what to change.

    From Python, lakemint.feed.profile also times your transform and your training loop.

    Examples: lakemint feed profile reviews@3 --cold

    lakemint feed profile reviews@3 --split test --column text --column label --json
    """
    from lakemint.config import load_config
    from lakemint.feed import open as open_version
    from lakemint.feed.profile import profile as measure

    config = load_config()
    with ExitStack() as stack:
        if cold:
            config = replace(config, cache=stack.enter_context(tempfile.TemporaryDirectory()))
        found = measure(
            open_version(version, split, config=config), batch_size, seconds=seconds, columns=column
        )
    if as_json:
        typer.echo(json.dumps({**asdict(found), "advice": found.advice}, indent=2))
    else:
        _tell(found)


def _tell(found: "Profile") -> None:
    from lakemint.amounts import bar, size

    total = sum(found.seconds.values())
    rate, speed = found.examples / total, size(round(found.bytes / total))
    typer.echo(f"{found.name}: {rate:,.0f} examples/s, {speed}/s, one stage after the other on one thread")
    for stage, seconds in found.seconds.items():
        if seconds:
            per = seconds / found.examples * 1e6
            typer.echo(
                f"  {stage:<10}{bar(seconds / total, _WIDTH)} {seconds / total:6.1%} {per:9.2f} µs an example"
            )
    typer.echo(f"the loader, ahead of the loop: {found.loader:,.0f} examples/s")
    typer.echo(found.advice)
