"""What somebody wants to be trained: a program, how many ranks of it, where, and what it may have."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from lakemint.errors import TrainingError
from lakemint.feed.plain import count, text

MAX_ARGUMENTS: Final = 1000
MAX_LINE: Final = 4000
"""Characters of one argument."""

_RUN = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OPTION = re.compile(r"[a-z][a-z0-9-]{0,49}")
_ARGUMENT = re.compile(r"[^\0\ud800-\udfff]*")
"""What another program can be given."""
_SPLIT = re.compile(r"[a-z][a-z0-9_]{0,47}")
_MOST: Final = {"nodes": 4096, "processes": 64, "restarts": 100}


@dataclass(frozen=True)
class Training:
    """Raises TrainingError for what is not fit; `what` names the field and the way out."""

    run: str
    """Its name: of its receipts, of its records in the lake, and at the head of its jobs' names."""
    program: tuple[str, ...]
    """The program and its arguments. No shell reads them."""
    launcher: str
    """Who starts it, see `lakemint.handover.launchers`."""
    nodes: int = 1
    processes: int = 1
    """Ranks on each node."""
    restarts: int = 0
    """How often the launcher may begin all ranks again by itself."""
    splits: tuple[str, ...] = ("train",)
    """Those it wants to read."""
    checkpoints: str = ""
    """A folder or URI for them; empty: the program knows."""
    credentials: tuple[str, ...] = ()
    """The names of environment variables that it needs to read the lake. Never their values."""
    options: dict[str, str] = field(default_factory=dict)
    """The launcher's own."""

    def __post_init__(self) -> None:
        _require(_RUN.fullmatch(self.run), "run", self.run, "use 1 to 40 of a-z, 0-9 and -, a letter first")
        _require(
            0 < len(self.program) <= MAX_ARGUMENTS, "program", self.program, "write `-- python train.py`"
        )
        for name, most in _MOST.items():
            least, number = 0 if name == "restarts" else 1, getattr(self, name)
            _require(least <= number <= most, name, number, f"use {least} to {most}")
        for argument in self.program:
            _require(
                len(argument) <= MAX_LINE and _ARGUMENT.fullmatch(argument),
                "argument",
                argument,
                f"write at most {MAX_LINE} characters of Unicode",
            )
        for word in (self.checkpoints, self.launcher, *self.options.values()):
            _require(len(word) <= MAX_LINE and word.isprintable(), "text", word, "write one printable line")
        _each(_SPLIT, "split", self.splits, "write one like train")
        _each(_VARIABLE, "name of an environment variable", self.credentials, "write one like AWS_PROFILE")
        _each(_OPTION, "option", self.options, "use a-z, 0-9 and -, as in partition=gpu")

    @property
    def world(self) -> int:
        """How many ranks there are in all."""
        return self.nodes * self.processes

    def plain(self) -> dict[str, Any]:
        """As the record of a hand-over has it."""
        own = {name: getattr(self, name) for name in ("run", "launcher", "checkpoints", "options", *_MOST)}
        lists = {name: [*getattr(self, name)] for name in ("program", "splits", "credentials")}
        return {**own, **lists}

    @classmethod
    def parsed(cls, content: dict[str, Any]) -> "Training":
        """From a record's plain content; raises what `Checked` turns into FormatError, and TrainingError."""
        return cls(
            run=text(content["run"]),
            program=_texts(content["program"]),
            launcher=text(content["launcher"]),
            **{name: count(content[name]) for name in _MOST},
            splits=_texts(content["splits"]),
            checkpoints=text(content["checkpoints"]),
            credentials=_texts(content["credentials"]),
            options={text(name): text(value) for name, value in content["options"].items()},
        )


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{str(values)[:60]!r} is no list")
    return tuple(text(value) for value in values)


def _each(pattern: re.Pattern[str], what: str, names: Iterable[str], way_out: str) -> None:
    for name in names:
        _require(pattern.fullmatch(name), what, name, way_out)


def _require(is_fit: object, what: str, value: object, way_out: str) -> None:
    if not is_fit:
        raise TrainingError(f"{str(value)[:60]!r} is no fit {what}: {way_out}")
