"""`lakemint run <dataset>…`: walk the road, and watch."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.errors import LakemintError, RunError
from lakemint.names import check_name

if TYPE_CHECKING:
    from lakemint.airflow.api import AirflowApi
    from lakemint.airflow.runs import Walk
    from lakemint.cli.walks import Walks
    from lakemint.config import Config

INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET...", help="Folders of schemas/.")],
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON; progress on stderr.")] = False,
    follow: Annotated[bool, typer.Option(help="Watch until the road is walked.")] = True,
    timeout: Annotated[
        float | None, typer.Option(help="Stop watching after so many seconds.", show_default="never")
    ] = None,
) -> None:
    """Walk datasets through the road in Airflow, from their raw files to a published version, and watch.

    Safe to do at any time: what is up to date is left as it is.
    """
    from lakemint.airflow.api import AirflowApi
    from lakemint.cli.walks import Walks
    from lakemint.config import load_config

    config = load_config()
    for dataset in datasets:
        require_dataset(config.schemas_folder(), dataset)
    api = AirflowApi(config)
    walks = [_start(api, config, dataset) for dataset in dict.fromkeys(datasets)]
    with Walks(walks, to_stderr=as_json) as shown:
        if follow:
            _watch(walks, shown, timeout)
    _report(config, walks, as_json, follow)


def require_dataset(schemas: Path, dataset: str) -> None:
    """Raises LakemintError for a dataset that is not there or whose files are wrong, before anything runs."""
    from lakemint.check import check_dataset
    from lakemint.dataset.folder import datasets

    known = datasets(schemas)
    if dataset not in known:
        raise LakemintError(f"no dataset {dataset!r} in {schemas}: there are {', '.join(known) or 'none'}")
    check_name(dataset)
    check_dataset(schemas, dataset)


def _start(api: "AirflowApi", config: "Config", dataset: str) -> "Walk":
    from lakemint.airflow.runs import Walk, start
    from lakemint.cli.people import People

    run_id, joined = start(api, dataset)
    walk = Walk(api, dataset, run_id, People(config, dataset))
    what = "joins the run that is queued" if joined else "started"
    typer.echo(f"{dataset}: {what}, {walk.page()}", err=True)
    return walk


def _watch(walks: Sequence["Walk"], shown: "Walks", timeout: float | None) -> None:
    from lakemint.airflow.runs import follow

    try:
        for walk, stage in follow(walks, timeout):
            shown.update(walk, stage)
    except KeyboardInterrupt:
        shown.close()
        for walk in walks:
            if not walk.done:
                typer.echo(f"{walk.dataset}: goes on in Airflow, {walk.page()}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _report(config: "Config", walks: Sequence["Walk"], as_json: bool, followed: bool) -> None:
    results = [result(walk) for walk in walks]
    if as_json:
        typer.echo(json.dumps(results, indent=2, sort_keys=True))
    elif followed:
        for walk, found in zip(walks, results, strict=True):
            if walk.error is None:
                _show_version(config, found)
    problems = [f"{walk.dataset}: {walk.error}" for walk in walks if walk.error is not None]
    if problems:
        raise RunError("\n".join(problems))


def result(walk: "Walk") -> dict[str, Any]:
    """A walk as plain data: dataset, version (`reviews@1`), whether it is new, the stages, the error."""
    published = walk.outcome("publish", "publish")
    return {
        "dataset": walk.dataset,
        "version": published.subject if published else None,
        "manifest": published.identity if published else None,
        "new": published.changed if published else None,
        "error": str(walk.error) if walk.error else None,
        "stages": [asdict(stage) for stage in walk.stages.values()],
    }


def _show_version(config: "Config", found: dict[str, Any]) -> None:
    from rich.console import Console

    from lakemint.cli.card_view import view
    from lakemint.published.card import card

    version = found["version"]
    typer.echo(f"{version} is published" if found["new"] else f"nothing new: {version} is still the version")
    dataset, _, number = version.partition("@")
    Console().print(view(card(config, dataset, int(number))))
