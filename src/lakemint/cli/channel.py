"""`lakemint promote | rollback | channels`: which version a channel points to, and how it came there."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.clock import utc_now
from lakemint.errors import LakemintError
from lakemint.names import Channel, Reference, check_name
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.lake import Lake
    from lakemint.published.channels import Moved, Order
    from lakemint.published.records import Position
    from lakemint.store import Store

Moving = Annotated[str, typer.Argument(metavar="DATASET@CHANNEL", help="Like reviews@production.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the channel's history.")]
By = Annotated[
    str, typer.Option(metavar="NAME", help="Who moves it.", show_default="LAKEMINT_USER, or your login")
]
Expect = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER", min=0, help="Only if it stands at this version now; 0: only if it is new."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, move nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    for command in (promote, rollback, channels):
        app.command()(command)


def promote(  # noqa: PLR0913
    version: Annotated[str, typer.Argument(metavar="DATASET@NUMBER", help="Like reviews@3.")],
    to: Annotated[str, typer.Option(metavar="CHANNEL", help="Like production; made if it is not there.")],
    *,
    reason: Reason = "",
    expect: Expect = None,
    by: By = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Point a channel to a version whose verdicts all passed. Safe to repeat.

    A channel that asks for approval, by publish.approve in the recipe, moves once a person agreed in Airflow:
    the command says where.

    Examples: lakemint promote reviews@3 --to production --reason "new labels"

    lakemint promote reviews@3 --to production --expect 2  (only if production stands at reviews@2)
    """
    from lakemint.published.channels import promote as move
    from lakemint.release import asks_for_approval

    reference = Reference.parse(version)
    channel = Channel(reference.dataset, to)
    config, store, lake = _opened()
    asks = asks_for_approval(config, channel)
    if asks and by:
        raise LakemintError(f"{channel} asks for approval: who approves it moves it, so leave --by out")
    order = _order(config, by, reason, expect, dry_run or asks)
    moved = move(store, lake, channel, reference.number, order)
    if asks and moved.changed:
        page = None if dry_run else _ask(config, reference, channel, order)
        _tell_asked(channel, moved, page, as_json)
    else:
        _tell(channel, moved, dry_run, as_json)


def rollback(  # noqa: PLR0913
    channel: Moving,
    *,
    to: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="A version it held once.", show_default="the one before"),
    ] = None,
    reason: Reason = "",
    expect: Expect = None,
    by: By = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Point a channel back to the version it stood at before. Twice goes back twice. Asks nobody.

    Examples: lakemint rollback reviews@production --reason "misses sarcasm"

    lakemint rollback reviews@production --to 1
    """
    from lakemint.published.channels import rollback as move

    moving = Channel.parse(channel)
    config, store, lake = _opened()
    order = _order(config, by, reason, expect, dry_run)
    _tell(moving, move(store, lake, moving, order, to), dry_run, as_json)


def channels(
    which: Annotated[
        str, typer.Argument(metavar="DATASET[@CHANNEL]", help="All of reviews, or the history of one.")
    ],
    as_json: AsJson = False,
) -> None:
    """List a dataset's channels, or everything one of them has pointed to.

    Examples: lakemint channels reviews

    lakemint channels reviews@production
    """
    from lakemint.dataset.folder import require_known
    from lakemint.published.catalog import numbers
    from lakemint.published.channels import history, listing

    if "@" in which:
        channel = Channel.parse(which)
        _, store, lake = _opened()
        positions = history(store, lake, channel)
        entries = [_entry(channel, position) for position in positions]
    else:
        check_name(which)
        config, store, lake = _opened()
        entries = [_entry(Channel(which, r.channel), r.position) for r in listing(store, lake, which)]
        if not (entries or numbers(store, lake, which)):
            require_known(config.schemas, which)
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
    elif not entries:
        typer.echo(
            f"{which} has no channel yet; `lakemint promote {which}@<number> --to production` makes one"
        )
    else:
        from rich.console import Console

        from lakemint.cli.channel_view import all_channels, one_channel

        Console().print(one_channel(entries) if "@" in which else all_channels(entries))


def _opened() -> "tuple[Config, Store, Lake]":
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.store import open_store

    config = load_config()
    return config, open_store(config), Lake(config.need("lake"))


def _order(config: "Config", by: str, reason: str, expect: int | None, dry_run: bool) -> "Order":
    from lakemint.published.channels import Order

    return Order(by or config.acting_user(), utc_now(), reason, expect, dry_run, config.trusted_keys)


def _ask(config: "Config", version: Reference, channel: Channel, order: "Order") -> str:
    """The page where a person approves or rejects it."""
    from lakemint.airflow.api import AirflowApi
    from lakemint.airflow.promotions import ask

    return ask(AirflowApi(config), version, channel, order.reason, order.expect)


def _entry(channel: Channel, position: "Position") -> dict[str, Any]:
    """A position as plain data."""
    name = Reference(channel.dataset, position.version)
    return {"channel": str(channel), "name": str(name), **position.model_dump(mode="json")}


def _tell(channel: Channel, moved: "Moved", dry_run: bool, as_json: bool) -> None:
    before = moved.before.version if moved.before else None
    entry = _entry(channel, moved.record.position)
    if as_json:
        told = {**entry, "before": before, "changed": moved.changed, "dry_run": dry_run}
        typer.echo(json.dumps({**told, "approve_at": None}, indent=2))
    elif not moved.changed:
        words = f"{channel} stands at {entry['name']} already, since {entry['moved_at']} by {entry['by']}"
        typer.echo(printable(f"{words}; nothing was moved"))
    else:
        typer.echo(f"{'would move' if dry_run else 'moved'} {_step(channel, before, entry)}")


def _tell_asked(channel: Channel, checked: "Moved", page: str | None, as_json: bool) -> None:
    """`page`: where somebody approves; None after a dry run."""
    before = checked.before.version if checked.before else None
    entry = _entry(channel, checked.record.position)
    if as_json:
        told = {**entry, "before": before, "changed": False, "dry_run": page is None, "approve_at": page}
        typer.echo(json.dumps(told, indent=2))
    elif page is None:
        typer.echo(f"would ask for approval to move {_step(channel, before, entry)}")
    else:
        typer.echo(
            f"asked for approval to move {_step(channel, before, entry)}; approve or reject at\n{page}"
        )


def _step(channel: Channel, before: int | None, entry: dict[str, Any]) -> str:
    left = f"{channel.dataset}@{before}" if before else "new"
    return f"{channel}: {left} → {entry['name']}"
