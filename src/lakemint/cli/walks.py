"""Walks drawn as they go: a live table on a terminal, else a line for each task that ended."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lakemint.airflow.runs import StageRun, Task, Walk
from lakemint.job.outcome import Outcome
from lakemint.names import STAGES
from lakemint.printable import printable

COLOURS = {
    "success": "green",
    "failed": "red",
    "running": "cyan",
    "deferred": "cyan",
    "up_for_retry": "yellow",
}
WORDS = {
    "running": "…",
    "up_for_retry": "tries again",
    "deferred": "waiting for people",
    "upstream_failed": "not reached",
}
ENDED = {"success", "failed", "up_for_retry", "deferred", "skipped"}
"""States of a task worth a line of their own."""
PROGRESS_PAUSE = 15.0
"""Seconds between two lines that say how far a task or a wait is, where there is no terminal."""


class Walks:
    """Use as a context around following; call `update` with each change."""

    def __init__(self, walks: Sequence[Walk], to_stderr: bool = False) -> None:
        self._walks = walks
        self._began = time.monotonic()
        self._console = Console(stderr=to_stderr, soft_wrap=True, highlight=False)
        self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4)
        self._told: set[tuple[str, str, str]] = set()
        self._moved: dict[tuple[str, str], float] = {}
        """Dataset and stage or task → when its progress was last told."""

    def __enter__(self) -> "Walks":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop drawing; what was drawn stays."""
        self._live.stop()

    def update(self, walk: Walk, stage: StageRun) -> None:
        """Show a change, as `lakemint.airflow.runs.follow` yields them."""
        if self._console.is_terminal:
            return  # the live table looks for itself
        if stage.state == "running":
            self._tell(walk.dataset, stage.stage, "begins", "")
        for task in stage.tasks:
            if task.state in ENDED:
                name = stage.stage if len(stage.tasks) == 1 else f"{stage.stage}.{task.name}"
                self._tell(walk.dataset, name, task.state, f"{_seconds(task.seconds):>7}  {_said(task)}")
            elif task.progress:
                self._tell_progress(walk.dataset, f"{stage.stage}.{task.name}", task.progress)
        if stage.note:
            self._tell_progress(walk.dataset, stage.stage, stage.note)

    def _tell_progress(self, dataset: str, name: str, text: str) -> None:
        """Now and then: a road may wait for weeks, and a log is no live table."""
        now, before = time.monotonic(), self._moved.get((dataset, name), float("-inf"))
        if now - before >= PROGRESS_PAUSE:
            self._moved[dataset, name] = now
            self._tell(dataset, name, printable(text), "")

    def _tell(self, dataset: str, name: str, state: str, text: str) -> None:
        if (dataset, name, state) not in self._told:
            self._told.add((dataset, name, state))
            self._console.print(
                escape(f"{dataset:12} {name:18} {WORDS.get(state, state):12} {text}".rstrip())
            )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for walk in self._walks:
            for name in STAGES:
                stage = walk.stages.get(name)
                state = stage.state if stage else ""
                colour = COLOURS.get(state, "dim")
                table.add_row(
                    walk.dataset if name == STAGES[0] else "",
                    f"[{colour}]{name}[/]",
                    f"[{colour}]{state}[/]",
                    _seconds(_total(stage)),
                    escape(describe(stage)) if stage else "",
                )
        table.add_row("", "", "", _seconds(time.monotonic() - self._began), "")
        return table


def describe(stage: StageRun) -> str:
    """What a stage's tasks said, in one line."""
    if stage.note:
        return stage.note
    told = [task for task in stage.tasks if task.state != "waiting"]
    if len(stage.tasks) == 1:
        return "".join(_said(task) for task in told)
    return " · ".join(f"{task.name} {_said(task) or WORDS.get(task.state, '')}".rstrip() for task in told)


def _said(task: Task) -> str:
    if text := task.error or task.progress:
        return printable(text.partition("\n")[0])
    return _counted(task.outcome) if task.outcome else ""


def _counted(outcome: Outcome) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in outcome.counts.items())
    return counts or ("" if outcome.changed else "nothing new")


def _total(stage: StageRun | None) -> float | None:
    spent = [task.seconds for task in stage.tasks if task.seconds is not None] if stage else []
    return sum(spent) if spent else None


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
