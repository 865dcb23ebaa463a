"""`lakemint table show`: what is in a dataset's tables, first of all what left the road, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.errors import LakemintError
from lakemint.names import PROVENANCE, check_name
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.look import Look

app = typer.Typer(help="A dataset's tables.", no_args_is_help=True, rich_markup_mode=None)

MAX_ROWS = 1000
_SHOWN = 100
"""Characters of a value in a terminal; --json has some more of them."""


def register(whole: typer.Typer) -> None:
    whole.add_typer(app, name="table")


@app.command()
def show(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")],
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="quarantine, rejected, or any other of its tables.")
    ],
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=TEXT", help="Only rows whose column holds this text; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, max=MAX_ROWS, help="Rows to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show how many rows a table has, of those that left the road by reason, and the first of them.

    Records that could not be read are in quarantine, samples that were taken out in rejected. Needs Spark.

    Examples: lakemint table show reviews quarantine

    lakemint table show reviews rejected --where reason=duplicate --limit 100
    """
    from lakemint.config import load_config

    config = load_config()
    found = _look(config, check_name(dataset), table, [_condition(text) for text in where or ()], limit)
    if as_json:
        shown = [{name: _plain(value) for name, value in row.items()} for row in found.shown]
        typer.echo(json.dumps({**asdict(found), "shown": shown}, indent=2))
        return
    for line in _lines(found):
        typer.echo(line)


def _condition(text: str) -> tuple[str, str]:
    column, equals, wanted = text.partition("=")
    if not (column and equals):
        raise LakemintError(f"--where {text!r}: write COLUMN=TEXT, like reason=duplicate")
    return column, wanted


def _look(config: "Config", dataset: str, table: str, where: list[tuple[str, str]], limit: int) -> "Look":
    """As `lakemint.look.look`; raises LakemintError when Spark or the object store are away, too."""
    from lakemint.job.runner import away
    from lakemint.look import look

    try:
        return look(config, dataset, table, where, limit)
    except LakemintError:
        raise
    except Exception as error:
        if (reason := away(error)) is None:
            raise
        raise LakemintError(f"{reason}: is it up? `lakemint doctor` tells what to mend") from error


def _lines(found: "Look") -> Iterator[str]:
    yield f"{found.table}, version {found.version}: {found.rows:,} {'row' if found.rows == 1 else 'rows'}"
    width = len(f"{max(found.reasons.values(), default=0):,}")
    for reason, count in found.reasons.items():
        yield f"  {count:{width},}  {_short(reason)}"
    if found.reasons and (rest := found.rows - sum(found.reasons.values())):
        yield f"  {rest:{width},}  for other reasons"
    if found.shown:
        yield ""
    yield from (_row(row) for row in found.shown)
    if 0 < len(found.shown) < found.rows:
        yield f"… {found.rows - len(found.shown):,} more; --limit shows up to {MAX_ROWS:,}"


def _row(row: Mapping[str, Any]) -> str:
    """A line: where the record lies, why it left, then all else that is known of it, by name."""
    rest = {name: value for name, value in row.items() if name not in PROVENANCE and value is not None}
    first = [_place(row.get("object"), row.get("line")), rest.pop("reason", None)]
    like = _place(rest.pop("survivor_object", None), rest.pop("survivor_line", None))
    told = [_short(value) for value in first if value]
    told += [f"like {_short(like)}"] if like else []
    return "  ".join([*told, *(f"{name}={_short(value)}" for name, value in rest.items())])


def _place(key: str | None, line: int | None) -> str:
    """`raw/reviews/tweets/a.tsv:12`; of a whole object, its key alone."""
    return f"{key}:{line}" if key and line else key or ""


def _short(value: object) -> str:
    """A value on one line, with nothing in it that would steer a terminal."""
    shown = printable(str(_plain(value))).replace("\n", "\ufffd")
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


def _plain(value: object) -> Any:
    """As JSON can say it; bytes as the text they hold, with those that are none written out."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if value is None or isinstance(value, str | int | float) else str(value)
