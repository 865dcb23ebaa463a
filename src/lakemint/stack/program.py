"""What a server is to the stack: programs to keep alive, and a question that tells whether it is well."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lakemint.stack.layout import Stack
from lakemint.stack.report import Report


class NotReady(Exception):
    """A server is not well, or not yet; the message says in which way."""


@dataclass(frozen=True)
class Program:
    """One process kept alive by the supervisor."""

    name: str
    command: tuple[str, ...]
    """Visible to all users of the machine: no secrets."""
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_seconds: int = 10
    """How long it may take to end when asked; then it is killed."""
    scratch: Path | None = None
    """A folder that is empty when it starts, whatever a killed one left in it."""


class Server(Protocol):
    """A server of the stack. Stateless: everything it knows is in the Stack."""

    name: str
    """As in `lakemint logs <name>`."""
    title: str
    """As a person calls it."""
    parts: tuple[str, ...]
    """The names of its programs."""
    ports: tuple[str, ...]
    """The names of its ports in the settings."""

    def address(self, stack: Stack) -> str:
        """Where a user finds it."""

    def prepare(self, stack: Stack, report: Report) -> None:
        """Everything before its programs can start; does nothing the second time. Raises StackError."""

    def programs(self, stack: Stack) -> list[Program]:
        """Its parts, as the supervisor starts them."""

    def complete(self, stack: Stack) -> None:
        """Make what it must hold and only a running server can be given; does nothing the second time.

        Raises NotReady while it does not answer.
        """

    def check(self, stack: Stack, since: float) -> None:
        """Raises NotReady until it serves. Signs of life older than `since` (epoch seconds) do not count.

        Changes nothing: it is also how `lakemint status` looks.
        """
