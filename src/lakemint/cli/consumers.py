"""`lakemint version consumers`: which training runs read a version."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.cli.version import AsJson, OneVersion, app, show_thing, standing
from lakemint.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from lakemint.lake import Lake
    from lakemint.lineage.consumers import Consumers


@app.command()
def consumers(
    version: OneVersion,
    as_json: AsJson = False,
    as_openlineage: Annotated[
        bool, typer.Option("--openlineage", help="The runs as OpenLineage's events, one a line.")
    ] = False,
) -> None:
    """List the training runs that read a version: when, which split, how much of it, for which model.

    Told are runs whose loaders were given a run, see lakemint.run, as far as they wrote receipts. One that
    was killed is running for ever, and may have read somewhat more than when it was last seen.

    Examples: lakemint version consumers reviews@3

    lakemint version consumers reviews@production --json
    """
    from lakemint.config import load_config
    from lakemint.lake import Lake
    from lakemint.lineage.consumers import consumers as find
    from lakemint.store import open_store

    config = load_config()
    reference, lake = standing(config, version), Lake(config.need("lake"))
    found = find(open_store(config), lake, reference)
    for problem in found.unreadable:
        typer.echo(printable(f"not counted: {problem}").replace("\n", "\ufffd"), err=True)
    if as_openlineage:
        _tell_lineage(lake, found)
    elif as_json:
        runs = [one.plain() for one in found.found]
        told = {"name": str(reference), "digest": found.version.manifest, "runs": runs}
        typer.echo(json.dumps({**told, "unreadable": found.unreadable}, indent=2))
    elif not found.found:
        typer.echo(f"no run left a receipt of {reference}")
    else:
        show_thing(table_of([one.plain() for one in found.found]))


def table_of(runs: list[dict[str, Any]]) -> "Table":
    """What each run read, when and for which model; and of which version, and how many bad rows, if told."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from lakemint.cli.card_view import short

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("run", "read", "when", "model", "digest"):
        table.add_column(name, overflow="fold", no_wrap=name in ("read", "digest"))
    for run in runs:
        name = f"{short(run['run'])}\n{run.get('version', '')}".rstrip()
        cells = (name, "\n".join(_read(run)), _when(run), short(run["model"] or "-"), _digest(run))
        table.add_row(*map(Text, cells))
    return table


def _read(run: dict[str, Any]) -> Iterator[str]:
    from lakemint.cli.card_view import short

    yield f"{short(run['split'])}, {run['epochs']:.2f} epochs"
    yield f"{run['examples']:,} examples, {run['world']:,} {'rank' if run['world'] == 1 else 'ranks'}"
    if weights := run["order"]["weights"]:
        yield f"weighted by {short(weights['column'])}"
    if "rows" in run:
        given = "nobody knows how many" if run["rows"] is None else f"{run['rows']:,}"
        yield f"{given} of {run['of']:,} bad rows"


def _when(run: dict[str, Any]) -> str:
    """When it began, and how and when it ended or was last seen."""
    begun, last = _moment(run["begun_at"]), _moment(run["ended_at"] or run["seen_at"])
    state = "last seen" if run["status"] == "running" else run["status"]
    why = f"\n{printable(run['failure'][:40])}" if run["failure"] else ""
    return f"{begun}\n{state} {last.removeprefix(begun[:11])}{why}"


def _digest(run: dict[str, Any]) -> str:
    """With what tells that it is not the present one."""
    marks = {"present": "", "before an erasure": f"\n{run['erased_since']:,} rows erased since"}
    return str(run["manifest"][:12]) + marks.get(run["revision"], "\nnever this version's")


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def _tell_lineage(lake: "Lake", found: "Consumers") -> None:
    """Of each process of a run, that it began, and that it ended if it did."""
    from lakemint.openlineage import event

    for one in (receipt for consumer in found.found for receipt in consumer.receipts):
        plain = one.model_dump(mode="json")
        typer.echo(json.dumps(event("START", [(lake, plain)], plain["begun_at"])))
        if one.ended_at:
            kind = "COMPLETE" if one.status == "complete" else "FAIL"
            typer.echo(json.dumps(event(kind, [(lake, plain)], plain["ended_at"])))
