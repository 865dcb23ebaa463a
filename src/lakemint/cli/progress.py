"""One line a step: what it was, how it ended, how long it took."""

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from lakemint.stack.report import Report


class Progress(Report):
    """Draws running steps while there is a terminal, and leaves a line of each finished one."""

    def __init__(self) -> None:
        self._console = Console(soft_wrap=True, highlight=False)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(24),
            TextColumn("{task.fields[note]}"),
        )
        self._bars = Bars(*columns, TimeElapsedColumn(), console=self._console, transient=True)
        self._tasks: dict[str, tuple[object, float]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def begin(self, step: str) -> None:
        with self._lock:
            self._tasks[step] = (self._bars.add_task(step, total=None, note=""), time.monotonic())

    def note(self, step: str, note: str) -> None:
        self._bars.update(self._tasks[step][0], note=note[:60])  # type: ignore[arg-type]

    def advance(self, step: str, done: int, total: int) -> None:
        note = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
        self._bars.update(self._tasks[step][0], completed=done, total=total, note=note)  # type: ignore[arg-type]

    def end(self, step: str, result: str) -> None:
        task, began = self._tasks[step]
        self._bars.remove_task(task)  # type: ignore[arg-type]
        self._console.print(f"[green]✓[/] {step:16} {time.monotonic() - began:5.1f} s  {result}")
