"""A change of the code that takes a safeguard away, for as long as a search lasts."""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutation:
    """A piece of a function's text, and what stands there without the safeguard."""

    name: str
    function: Callable[..., Any]
    text: str
    without: str
    scenario: str
    """Where that shows."""
    faults: int = 0
    """How many it takes."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The function does that, wherever it was imported already."""
        function = inspect.unwrap(self.function)
        whole = function.__code__
        function.__code__ = self._mutated(function)
        try:
            yield
        finally:
            function.__code__ = whole

    def _mutated(self, function: Any) -> Any:
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.text) == 1, f"{self.name}: {self.text!r} stands there no more"
        place = dict(function.__globals__)
        changed = compile(source.replace(self.text, self.without), function.__code__.co_filename, "exec")
        exec(changed, place)  # noqa: S102
        return inspect.unwrap(place[function.__name__]).__code__
