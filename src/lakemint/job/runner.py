"""What every file in `jobs/` is run by: arguments in, one outcome line out, clear errors."""

import inspect
import signal
import sys
from collections.abc import Callable
from types import FrameType

from lakemint.config import keep_loopback_direct
from lakemint.errors import (
    ChannelMoved,
    ConfigError,
    ConservationError,
    ContractError,
    FormError,
    GateFailed,
    IntegrityError,
    LakemintError,
    NothingLanded,
    RecipeError,
    SignatureError,
    UnsafeStore,
    VersionNotFound,
)
from lakemint.job.outcome import HOPELESS, Outcome
from lakemint.printable import printable

_NEEDS_A_PERSON = (
    ChannelMoved,
    ConfigError,
    ConservationError,
    ContractError,
    FormError,
    GateFailed,
    IntegrityError,
    NothingLanded,
    RecipeError,
    SignatureError,
    UnsafeStore,
    VersionNotFound,
)
"""Errors that stay until a person mends something."""

_DOWN = (
    ("UNAVAILABLE", "the Spark server does not answer"),
    ("UNAUTHENTICATED", "the Spark server refuses the token"),
    ("Connect to ", "the object store does not answer"),
    ("Connection refused", "the object store does not answer"),
    ("SdkClientException", "the object store does not answer"),
    ("UnknownHostException", "the object store's host is not known"),
    ("DELTA_CONCURRENT", "another run, or one that was killed, is still writing the same table"),
    ("DELTA_METADATA_CHANGED", "another run, or one that was killed, is still writing the same table"),
    ("DELTA_PROTOCOL_CHANGED", "another run, or one that was killed, is still writing the same table"),
)
"""What Spark's errors say when the fault is not the job's, in order of precedence."""


def run(main: Callable[..., Outcome]) -> None:
    """Call `main` with the command line's arguments, print its outcome, and exit.

    Exits with 0; with 1 and one clear `error: …` on stderr for LakemintError, and when Spark or the object
    store are away; with HOPELESS (3) instead of 1 where trying again is useless; with 2 for wrong arguments;
    with 143 after SIGTERM, having left its `with` blocks.
    """
    signal.signal(signal.SIGTERM, _terminated)
    keep_loopback_direct()
    signature, arguments = inspect.signature(main), sys.argv[1:]
    try:
        signature.bind(*arguments)
    except TypeError:
        shown = (_shown(parameter) for parameter in signature.parameters.values())
        _fail(f"usage: python {sys.argv[0]} {' '.join(shown)}", 2)
    try:
        main(*arguments).print()
    except LakemintError as error:
        _fail(f"error: {error}", HOPELESS if isinstance(error, _NEEDS_A_PERSON) else 1)
    except Exception as error:
        if (reason := away(error)) is None:
            raise
        _fail(
            f"error: {reason}; nothing is lost: `lakemint doctor` tells what to mend, then run this again", 1
        )


def _shown(parameter: inspect.Parameter) -> str:
    needed = parameter.default is parameter.empty
    return f"<{parameter.name}>" if needed else f"[<{parameter.name}>]"


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)


def _fail(message: str, status: int) -> None:
    print(printable(message), file=sys.stderr, flush=True)
    sys.exit(status)


def away(error: BaseException) -> str | None:
    """The server that is away, if that is what a Spark error says; None when it is another matter."""
    kinds = type(error).__mro__
    if not any(kind.__module__.partition(".")[0] in ("pyspark", "grpc", "py4j") for kind in kinds):
        return None
    text = str(error)
    return next((reason for sign, reason in _DOWN if sign in text), None)
