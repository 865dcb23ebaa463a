"""The command line. A module of commands adds its own by `register(app)`; heavy imports wait."""

import errno
import io
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lakemint.config import keep_loopback_direct
from lakemint.errors import LakemintError
from lakemint.printable import printable

if TYPE_CHECKING:
    import typer

_MODULES = (
    "stack",
    "run",
    "version",
    "channel",
    "blast",
    "feed",
    "table",
    "store",
    "keys",
    "erase",
    "check",
    "land",
    "train",
    "demo",
)


def build() -> "typer.Typer":
    """The whole command line."""
    import typer

    app = typer.Typer(
        name="lakemint",
        help="Mint training datasets from a data lake.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name in _MODULES:
        import_module(f"{__name__}.{name}").register(app)
    return app


def main() -> None:
    """Run the command line. Our own errors become one line on stderr and exit status 1, Ctrl-C 130."""
    if find_spec("typer") is None:
        sys.exit(
            "error: the command line needs the whole platform, and only what a training image needs is "
            "installed: use lakemint.open in Python, or install lakemint[platform]"
        )
    keep_loopback_direct()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our glyphs shows question marks
    try:
        build()()
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.ENOSPC:  # else whoever read our output has seen enough
            print(f"error: {error.strerror}: make room, then run this again", file=sys.stderr)
        sys.exit(1)
    except LakemintError as error:
        red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
        print(f"{red}error:{plain} {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
