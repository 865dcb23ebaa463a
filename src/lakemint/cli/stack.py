"""`lakemint up | down | status | doctor | logs`: the embedded stack."""

import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.config import find_home
from lakemint.errors import StackError
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.stack.state import StackStatus


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def register(app: typer.Typer) -> None:
    for command in (up, down, status, doctor, logs):
        app.command()(command)


def home() -> Path:
    """The stack's folder; raises StackError when we are nowhere near one."""
    found = find_home()
    if found is None:
        raise StackError("no checkout here: run inside a checkout of Lakemint, or set LAKEMINT_HOME")
    return found


def up(
    servers: Annotated[
        list[str] | None,
        typer.Argument(help="Only these of s3, spark, airflow, label-studio.", show_default=False),
    ] = None,
    new_ports: Annotated[
        bool, typer.Option("--new-ports", help="Choose other ports for those taken.")
    ] = False,
) -> None:
    """Start the embedded stack and wait until all of it serves."""
    from lakemint.cli.progress import Progress
    from lakemint.stack import up as start

    began = time.monotonic()
    with Progress() as report:
        start(home(), servers=servers or None, new_ports=new_ports, report=report)
    typer.echo(f"all up in {time.monotonic() - began:.1f} s; the logins: {home() / 'credentials.json'}")


def down() -> None:
    """Stop the embedded stack. Data stay."""
    from lakemint.cli.progress import Progress
    from lakemint.stack import down as stop

    with Progress() as report:
        stop(home(), report=report)


def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every server: its state, address and memory. Exit status 1 when not all is up."""
    from lakemint.stack import status as ask

    found = ask(home())
    if as_json:
        typer.echo(json.dumps({**asdict(found), "memory": found.memory, "up": found.up}, indent=2))
    else:
        _show(found)
    raise typer.Exit(0 if found.up else 1)


def _show(found: "StackStatus") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not found.supervised:
        left = (
            f"; {len(found.orphans)} processes are left over: `lakemint down` ends them"
            if found.orphans
            else ""
        )
        typer.echo(f"the stack in {found.home} is down{left}")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("server", "state", "address"):
        table.add_column(column, no_wrap=True)
    for column in ("pid", "up for", "memory"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for one in found.programs:
        colour = {"up": "green", "starting": "yellow"}.get(one.state, "red")
        state, pid, detail = f"[{colour}]{one.state}[/]", str(one.pid or ""), escape(one.detail)
        table.add_row(one.program, state, one.address, pid, _age(one.seconds), _mib(one.memory), detail)
    table.add_row("all", "", "", "", "", _mib(found.memory))
    # Of its natural width: rather wrapped by the terminal than cut off.
    Console(width=200).print(table)


def _age(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}" if seconds else ""


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say what is missing or broken, and how to mend it. Exit status 1 when something is."""
    from lakemint.stack.doctor import examine

    findings = examine(home())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.what) for finding in findings)
        for one in findings:
            mark = typer.style("ok    ", fg="green") if one.ok else typer.style("broken", fg="red")
            typer.echo(f"{mark}  {one.what:{width}}  {one.found}")
            if not one.ok:
                typer.echo(f"{'':8}{'':{width}}  → {one.mend}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def logs(
    server: Annotated[
        str | None, typer.Argument(help="As `lakemint status` names it; all without one.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on showing what comes.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 20,
) -> None:
    """Show what the servers wrote."""
    from lakemint.stack import logs as reader

    folder = home() / "logs"
    paths = sorted(path for path in folder.glob("*.log") if server is None or path.stem.startswith(server))
    if not paths:
        names = ", ".join(sorted(path.stem for path in folder.glob("*.log")))
        raise StackError(f"no log of {server!r} in {folder}" + (f": there are {names}" if names else ""))
    coming = reader.follow(paths)  # from here on, so that nothing is missed while the ends are shown
    width = max(len(path.stem) for path in paths) if len(paths) > 1 else 0
    for path in paths:
        for line in reader.tail(path, lines):
            typer.echo(_of(path, line, width))
    if follow:
        for path, line in coming:
            typer.echo(_of(path, line, width))


def _of(path: Path, line: str, width: int) -> str:
    """A line of a log, which anybody may have had a server write, without what would steer the terminal."""
    shown = printable(_COLOUR.sub("", line).replace("\t", "    "))
    return f"{path.stem:{width}}  {shown}" if width else shown
