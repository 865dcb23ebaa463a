"""`lakemint version rebuild`: a version once more, from what it was made of."""

import json

import typer

from lakemint.cli.version import AsJson, OneVersion, app, standing
from lakemint.printable import printable


@app.command()
def rebuild(version: OneVersion, as_json: AsJson = False) -> None:
    """Build a version again from the tables it was made of, and compare the digests.

    Shards that were lost are there again afterwards. Spark is asked only where publishing asks it too. Exit
    status 1 when it comes out as another version.
    """
    from lakemint.config import job_environment, load_config
    from lakemint.job.process import run_job

    config = load_config()
    reference = standing(config, version)
    outcome = run_job(
        config.schemas_folder().parent / "jobs" / "rebuild.py",
        [reference.dataset, str(reference.number)],
        job_environment(),
        lambda line: typer.echo(printable(line), err=True),
    )
    if as_json:
        typer.echo(json.dumps({"name": str(reference), "digest": outcome.identity}))
    else:
        typer.echo(f"{reference}: rebuilt bit for bit, {outcome.identity}")
