"""`lakemint land`: files of your own become raw objects."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakemint.errors import LakemintError

if TYPE_CHECKING:
    from lakemint.ingest.landing import Landed


def register(app: typer.Typer) -> None:
    app.command()(land)


def land(
    where: Annotated[str, typer.Argument(metavar="DATASET/SOURCE", help="Like reviews/tweets.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER...", exists=True)],
) -> None:
    """Land files as raw objects of a source, as they are.

    A file is landed under its name, a folder's files under their paths in it. Safe to repeat: what is there
    already is left alone.

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
    shown = track(found, "landing", console=Console(stderr=True), transient=True, disable=len(found) < 2)
    landed = write(open_store(config), Lake(config.need("lake")).raw(dataset, source), shown)
    typer.echo(f"{said(landed)}; go on with: lakemint run {dataset}")


def _named(path: Path) -> "list[tuple[str, bytes | Path]]":
    """Files by the names they are landed under; raises LakemintError for a folder without any."""
    if path.is_file():
        return [(path.name, path)]
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    if not inside:
        raise LakemintError(f"{path}: no files in it")
    return [(file.relative_to(path).as_posix(), file) for file in inside]


def said(landed: "Landed") -> str:
    """What became of the files, in words."""
    return f"{landed.new:,} raw objects landed, {landed.known:,} were there"
