"""The command line. A module of commands adds its own by `register(app)`; heavy imports wait."""

import sys
from importlib import import_module

import typer

from lakemint.config import keep_loopback_direct
from lakemint.errors import LakemintError
from lakemint.printable import printable

_MODULES = ("stack", "run", "version", "export", "channel", "check", "land", "demo")


def build() -> typer.Typer:
    """The whole command line."""
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
    keep_loopback_direct()
    try:
        build()()
    except LakemintError as error:
        red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
        print(f"{red}error:{plain} {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
