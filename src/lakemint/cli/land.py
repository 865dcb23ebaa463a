"""`lakemint land`: files of your own become raw objects."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.errors import LakemintError
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.ingest.landing import Landed


MAX_NAME = 900
"""Bytes of a name: S3 allows 1,024 for a whole key."""


def register(app: typer.Typer) -> None:
    app.command()(land)


def land(
    where: Annotated[str, typer.Argument(metavar="DATASET/SOURCE", help="Like reviews/tweets.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER...", exists=True)],
) -> None:
    """Land files as raw objects of a source, as they are.

    A file is landed under its name, a folder's files under their paths in it; links in it are not followed.
    Safe to repeat: what is there already is left alone.

    Examples: lakemint land reviews/tweets monday.tsv tuesday.tsv.gz

    lakemint land digits/scans scans/  (scans/7/0001.png becomes raw/digits/scans/7/0001.png)
    """
    from rich.console import Console
    from rich.progress import track

    from lakemint.config import load_config
    from lakemint.dataset.recipe import load_recipe
    from lakemint.ingest.landing import land as write
    from lakemint.lake import Lake
    from lakemint.store import open_store

    dataset, _, source = where.partition("/")
    config = load_config()
    sources = load_recipe(config.schemas_folder(), dataset).sources
    if source not in sources:
        raise LakemintError(f"{dataset} has no source {source!r}: its recipe names {', '.join(sources)}")
    found = [named for path in files for named in _named(path)]
    _check_names(name for name, _ in found)
    console = Console(stderr=True)
    quiet = len(found) < 2 or not console.is_terminal
    shown = track(found, "landing", console=console, transient=True, disable=quiet)
    landed = write(open_store(config), Lake(config.need("lake")).raw(dataset, source), shown)
    typer.echo(f"{said(landed)}; go on with: lakemint run {dataset}")


def _named(path: Path) -> "list[tuple[str, bytes | Path]]":
    """Files by the names they are landed under; raises LakemintError for a folder without any.

    Links in a folder are not followed, who knows where to; of what is left out, it says so.
    """
    if path.is_file():
        return [(path.name, path)]
    entries = sorted(entry for entry in path.rglob("*") if entry.is_symlink() or not entry.is_dir())
    inside = [entry for entry in entries if entry.is_file() and not entry.is_symlink()]
    if not inside:
        raise LakemintError(f"{path}: no files in it")
    if len(inside) < len(entries):
        left = [entry for entry in entries if entry not in {*inside}]
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        typer.echo(printable(f"left out, as no regular file: {left[0]}{more}"), err=True)
    return [(file.relative_to(path).as_posix(), file) for file in inside]


def _check_names(names: Iterable[str]) -> None:
    """Raises LakemintError before anything is landed: a key is text, and at most 1,024 bytes long."""
    for name in names:
        try:
            size = len(name.encode())
        except UnicodeEncodeError as error:
            raise LakemintError(f"{name!r}: the name is not UTF-8; rename it, nothing was landed") from error
        if size > MAX_NAME:
            raise LakemintError(f"{name[:80]}…: longer than {MAX_NAME} bytes; rename it, nothing was landed")


def said(landed: "Landed") -> str:
    """What became of the files, in words."""
    noun = "raw object" if landed.new == 1 else "raw objects"
    return f"{landed.new:,} {noun} landed, {landed.known:,} {'was' if landed.known == 1 else 'were'} there"
