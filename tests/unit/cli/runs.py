"""How the tests of the command line run it."""

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Arguments in; exit status, stdout and stderr out."""
