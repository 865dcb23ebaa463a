"""What tells that a table is to be read by Spark."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NotPlain(Exception):
    """A table, or a file of it, is of a kind that only Spark reads; the message says what kind."""


@contextmanager
def understood(where: str) -> Iterator[None]:
    """What a log says in a way that nobody said it yet is not plain."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotPlain(f"{where} is not understood: {type(error).__name__} {error}") from error


def action_of(line: bytes) -> dict[str, Any]:
    """An action of a Delta log, from its JSON; raises ValueError."""
    action = json.loads(line)
    if not isinstance(action, dict):
        raise ValueError("an action is an object")
    return action
