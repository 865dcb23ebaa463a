"""`lakemint version list | show | verify | diff`: the published versions of a dataset."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.names import Reference

app = typer.Typer(help="Published versions.", no_args_is_help=True, rich_markup_mode=None)

_MORE = ("consumers", "export", "gc", "hold", "rebuild", "retire", "sign")

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
OneVersion = Annotated[
    str, typer.Argument(metavar="DATASET@NUMBER|@CHANNEL", help="reviews@3, or reviews@production.")
]


def register(whole: typer.Typer) -> None:
    for name in _MORE:  # their commands are this one's
        import_module(f"lakemint.cli.{name}")
    whole.add_typer(app, name="version")


@app.command("list")
def list_(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")], as_json: AsJson = False
) -> None:
    """List a dataset's published versions, oldest first."""
    from lakemint.config import load_config
    from lakemint.dataset.folder import require_known
    from lakemint.names import check_name
    from lakemint.published.card import listing

    config = load_config()
    entries = listing(config, check_name(dataset))
    if not entries:
        require_known(config.schemas, dataset)
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
    elif not entries:
        typer.echo(f"{dataset} has no published version yet; `lakemint run {dataset}` makes one")
    else:
        from lakemint.cli.card_view import versions

        show_thing(versions(entries))


@app.command()
def show(
    version: Annotated[
        str,
        typer.Argument(
            metavar="DATASET[@NUMBER|@CHANNEL]", help="reviews@3, reviews@production, or reviews: the newest."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show a version's card."""
    from lakemint.cli.card_view import view
    from lakemint.config import load_config
    from lakemint.names import check_name
    from lakemint.published.card import card

    config = load_config()
    if "@" in version:
        reference = standing(config, version)
        found = card(config, reference.dataset, reference.number)
    else:
        found = card(config, check_name(version))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show_thing(view(found))


@app.command()
def verify(version: OneVersion, as_json: AsJson = False) -> None:
    """Read a whole version again and check every byte, count and sample. Exit status 1 when one is wrong.

    Says one line for each problem: the object in the lake, and what is wrong with it.
    """
    from lakemint.amounts import size
    from lakemint.config import load_config
    from lakemint.published.verify import verify as check

    config = load_config()
    reference = standing(config, version)
    with progress_bar(f"verifying {reference}") as progress:
        found = check(config, reference, progress)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "sound": found.sound}, indent=2))
    elif found.sound:
        shards = "1 shard" if found.shards == 1 else f"{found.shards:,} shards"
        typer.echo(f"{found.name}: sound, {shards}, {size(found.bytes)}, {found.rows:,} rows")
    else:
        for problem in found.problems:
            typer.echo(printable(f"{problem.key}: {problem.what}").replace("\n", "\ufffd"))
    if not found.sound:
        raise typer.Exit(1)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Like reviews@production.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Like reviews@4.")],
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions: rows, labels, splits, schema, and what they were made with.

    Reads only the shards that the versions do not share. --json also names some samples of each kind.
    """
    from lakemint.cli.difference_view import view
    from lakemint.config import load_config
    from lakemint.published.difference import difference

    config = load_config()
    pair = standing(config, before), standing(config, after)
    with progress_bar("comparing") as progress:
        found = difference(config, *pair, progress)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show_thing(view(found), soft_wrap=True)


@contextmanager
def progress_bar(what: str, *, is_bytes: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar of bytes, or things, on stderr, gone when all is done; nothing where there is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    amount = DownloadColumn() if is_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(24), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def standing(config: "Config", text: str) -> "Reference":
    """The version that is named, or that the named channel points to. Raises VersionNotFound."""
    from lakemint.lake import Lake
    from lakemint.names import Reference, parse_reference
    from lakemint.published.channels import read
    from lakemint.store import open_store

    reference = parse_reference(text)
    if isinstance(reference, Reference):
        return reference
    record = read(open_store(config), Lake(config.need("lake")), reference)
    return Reference(record.dataset, record.version)


def show_thing(thing: object, soft_wrap: bool = False) -> None:
    """Print what rich draws."""
    from rich.console import Console

    Console().print(thing, soft_wrap=soft_wrap)
