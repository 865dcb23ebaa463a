"""`lakemint train` and `lakemint training list | show | stop`: hand a version over to GPUs."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakemint.cli.version import AsJson, show_thing
from lakemint.errors import TrainingError
from lakemint.printable import printable

if TYPE_CHECKING:
    from lakemint.config import Config
    from lakemint.handover.launch import Job
    from lakemint.handover.record import Handover

INTERRUPTED = 130

trainings = typer.Typer(
    help="Versions handed over to trainings.", no_args_is_help=True, rich_markup_mode=None
)

OneDataset = Annotated[str, typer.Argument(metavar="DATASET", help="Like reviews.")]
OneRun = Annotated[str, typer.Argument(metavar="RUN", help="Like exp-7.")]


def register(app: typer.Typer) -> None:
    app.command()(train)
    app.add_typer(trainings, name="training")


def train(  # noqa: PLR0913
    version: Annotated[
        str, typer.Argument(metavar="DATASET@NUMBER|@CHANNEL", help="reviews@3, or reviews@production.")
    ],
    program: Annotated[
        list[str], typer.Argument(metavar="-- PROGRAM...", help="What to run, with its arguments.")
    ],
    *,
    run: Annotated[str, typer.Option(metavar="NAME", help="The run's name, such as exp-7.")],
    launcher: Annotated[
        str, typer.Option("--with", metavar="LAUNCHER", help="process or torchrun.")
    ] = "torchrun",
    nodes: Annotated[int, typer.Option(metavar="N", help="Machines.")] = 1,
    processes: Annotated[int, typer.Option(metavar="N", help="Ranks on each, one for each GPU.")] = 1,
    restarts: Annotated[int, typer.Option(metavar="N", help="How often ranks that die begin again.")] = 0,
    splits: Annotated[
        list[str] | None,
        typer.Option("--split", metavar="NAME", help="One that it reads.", show_default="train"),
    ] = None,
    checkpoints: Annotated[str, typer.Option(metavar="WHERE", help="Folder or URI for checkpoints.")] = "",
    credentials: Annotated[
        list[str] | None,
        typer.Option("--credential", metavar="VARIABLE", help="A variable of the environment it needs."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="The launcher's own: partition=gpu."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Watch until it is over.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, and show what would be started.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hand a version over to a training: start it where the GPUs are, and watch.

    The program finds what it was given by lakemint.handed_over(). A run that failed goes on when the same
    command is given again, on as many ranks as you say; one that is at work is joined.

    Examples: lakemint train reviews@production --run exp-7 --processes 4 -- python train.py --lr 1e-3

    lakemint train reviews@3 --run exp-7 --with process --dry-run -- python train.py
    """
    from lakemint.config import load_config
    from lakemint.handover.begin import hand_over, launcher_of, prepare
    from lakemint.handover.training import Training

    training = Training(
        run=run,
        program=tuple(program),
        launcher=launcher,
        nodes=nodes,
        processes=processes,
        restarts=restarts,
        splits=tuple(splits or ["train"]),
        checkpoints=checkpoints,
        credentials=tuple(credentials or ()),
        options=dict(_option(one) for one in options or ()),
    )
    config = load_config()
    if dry_run:
        handover = prepare(config, version, training)
        rendered = launcher_of(config, handover).render(handover)
        plain = {**handover.content(), "job": handover.job, "rendered": rendered}
        typer.echo(json.dumps(plain, indent=2) if as_json else rendered, nl=as_json)
        return
    handover = hand_over(config, version, training)
    typer.echo(f"{handover.job}: {handover.version}, handed over to {launcher}", err=True)
    _tell(handover, _watched(config, handover) if wait else _looked(config, handover), as_json)


@trainings.command("list")
def list_(dataset: OneDataset, as_json: AsJson = False) -> None:
    """List the trainings that a dataset's versions were handed over to, each as its last attempt is.

    Examples: lakemint training list reviews
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from lakemint.config import load_config
    from lakemint.handover.kept import listing
    from lakemint.lake import Lake
    from lakemint.store import open_store

    config = load_config()
    handovers = listing(open_store(config), Lake(config.need("lake")), dataset)
    if as_json:
        typer.echo(json.dumps([_plain(one, _seen(config, one)) for one in handovers], indent=2))
    elif not handovers:
        typer.echo(f"nothing of {dataset} was handed over to a training yet; `lakemint train` does")
    else:
        table = Table("run", "version", "launcher", "ranks", "attempt", "state", box=box.SIMPLE_HEAD)
        for one in handovers:
            ranks, attempt = str(one.training.world), str(one.attempt)
            own = one.training.run, str(one.version), one.training.launcher, ranks, attempt
            table.add_row(*map(Text, (*own, _seen(config, one).state)))
        show_thing(table, soft_wrap=True)


@trainings.command()
def show(dataset: OneDataset, run: OneRun, as_json: AsJson = False) -> None:
    """Show a training: what was handed over, how its last attempt is, and the last that it said.

    Examples: lakemint training show reviews exp-7
    """
    config, handover = _found(dataset, run)
    job = _seen(config, handover)
    if as_json:
        typer.echo(json.dumps(_plain(handover, job), indent=2))
    else:
        for name, value in _plain(handover, job).items():
            typer.echo(printable(f"{name:12}{value}") if name != "words" else printable(str(value)))


@trainings.command()
def stop(dataset: OneDataset, run: OneRun, as_json: AsJson = False) -> None:
    """Stop a training that is at work. Safe to repeat; `lakemint train` lets it go on.

    Examples: lakemint training stop reviews exp-7
    """
    from lakemint.handover.begin import launcher_of

    config, handover = _found(dataset, run)
    launcher_of(config, handover).stop(handover)
    job = _looked(config, handover)
    typer.echo(json.dumps(_plain(handover, job), indent=2) if as_json else f"{handover.job}: {job.state}")


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise TrainingError(f"{text!r} is no option of a launcher: write one like partition=gpu")
    return name, value


def _found(dataset: str, run: str) -> tuple["Config", "Handover"]:
    from lakemint.config import load_config
    from lakemint.handover.kept import found
    from lakemint.lake import Lake
    from lakemint.store import open_store

    config = load_config()
    return config, found(open_store(config), Lake(config.need("lake")), dataset, run)


def _looked(config: "Config", handover: "Handover") -> "Job":
    from lakemint.handover.begin import follow

    return next(follow(config, handover))


def _seen(config: "Config", handover: "Handover") -> "Job":
    """How its job is, or why nobody here can say."""
    from lakemint.handover.launch import Job

    try:
        return _looked(config, handover)
    except TrainingError as error:
        return Job("unknown", str(error))


def _watched(config: "Config", handover: "Handover") -> "Job":
    """How its job ends; what it says last is shown meanwhile."""
    from rich.console import Console
    from rich.text import Text

    from lakemint.handover.begin import follow

    console, state = Console(stderr=True, highlight=False), ""
    try:
        with console.status(handover.job) as shown:
            for job in follow(config, handover):
                shown.update(Text(f"{handover.job} {job.state}  {job.last_line[:200]}"))
                if job.state != state:
                    state = job.state
                    console.print(Text(f"{handover.job}: {state}"), soft_wrap=True)
    except KeyboardInterrupt:
        again = f"`lakemint training stop {handover.version.dataset} {handover.training.run}` ends it"
        typer.echo(f"{handover.job}: goes on; {again}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    return job


def _tell(handover: "Handover", job: "Job", as_json: bool) -> None:
    """What came of it; raises TrainingError, with its last words, when it failed."""
    if as_json:
        typer.echo(json.dumps(_plain(handover, job), indent=2))
    if job.state == "failed":
        words = "\n".join(job.words.splitlines()[-20:])
        raise TrainingError(f"{handover.job} failed; all it said: {job.log}\n{words}")
    if not as_json:
        typer.echo(f"{handover.training.run}: {job.state}, {handover.version}; its log: {job.log}")


def _plain(handover: "Handover", job: "Job") -> dict[str, Any]:
    return {
        "run": handover.training.run,
        "version": str(handover.version),
        "digest": handover.manifest,
        "attempt": handover.attempt,
        "job": handover.job,
        "launcher": handover.training.launcher,
        "ranks": handover.training.world,
        "checkpoints": handover.training.checkpoints,
        "state": job.state,
        "log": job.log,
        "words": job.words,
    }
