"""`lakemint version rebuild`: a version once more, from what it was made of."""

import json

import typer

from lakemint.cli.version import AsJson, OneVersion, app, standing
from lakemint.printable import printable


@app.command()
def rebuild(version: OneVersion, as_json: AsJson = False) -> None:
    """Build a version again from the tables it was made of, and compare the digests. Needs Spark.

    Shards that were lost are there again afterwards. Exit status 1 when it comes out as another version.
    """
    from lakemint.config import job_environment, load_config
    from lakemint.errors import LakemintError
    from lakemint.job.process import JobProcess

    config = load_config()
    reference = standing(config, version)
    script = config.schemas_folder().parent / "jobs" / "rebuild.py"
    if not script.is_file():
        raise LakemintError(f"{script} is not there: run this in a checkout")
    process = JobProcess(script, [reference.dataset, str(reference.number)], job_environment())
    try:
        for line in process.lines():
            typer.echo(printable(line), err=True)
        code = process.wait()
    except BaseException:
        process.stop()
        raise
    if code or process.outcome is None:
        raise LakemintError(process.complaint(code))
    if as_json:
        typer.echo(json.dumps({"name": str(reference), "digest": process.outcome.identity}))
    else:
        typer.echo(f"{reference}: rebuilt bit for bit, {process.outcome.identity}")
