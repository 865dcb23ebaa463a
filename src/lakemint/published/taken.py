"""What is to be said when a version was taken away: rows of it by an erasure, or all of it by its owner.

The feed says it too: this stands on nothing that a training image has not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from lakemint.errors import FormatError, IntegrityError, SignatureError, VersionRetired, VersionRevised
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.catalog import numbers

if TYPE_CHECKING:
    from lakemint.store.base import Store

_SHOWN: Final = 5
"""Versions that a refusal names, at most."""


class Retired(Protocol):
    """How a version came out of use."""

    @property
    def at(self) -> datetime: ...
    @property
    def by(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Now(Protocol):
    """What a version's record says."""

    @property
    def digests(self) -> Sequence[str]:
        """The manifests that the number stands and stood for, the newest last."""

    @property
    def retired(self) -> Retired | None:
        """None while it is in use."""


Look = Callable[[int], Retired | None]
"""Reads in the record of a dataset's version whether it is retired."""


def told(version: Reference, retired: Retired) -> str:
    """That a version was retired, when, by whom and why."""
    at = retired.at.astimezone(UTC)
    return f"{version} was retired on {at:%Y-%m-%d %H:%M} UTC by {retired.by}: {retired.reason}"


def refusal(store: "Store", lake: Lake, version: Reference, retired: Retired, look: Look) -> VersionRetired:
    """The error for a version that is not to be used: what happened, what there is instead, the way out."""
    others = (
        number for number in reversed(numbers(store, lake, version.dataset)) if _is_in_use(look, number)
    )
    shown = ", ".join(f"{version.dataset}@{number}" for number in islice(others, _SHOWN))
    return VersionRetired(
        f"{told(version, retired)}; in use, newest first: {shown or 'none'} "
        f"(`lakemint version restore {version}` brings it back while its files are there)"
    )


@contextmanager
def unless_taken(version: Reference, digest: str, now: Callable[[], Now]) -> Iterator[None]:
    """Raises VersionRevised or VersionRetired for what is gone of a version, if that is why.

    It was opened as the manifest `digest`; `now` reads what its record says by now.
    """
    try:
        yield
    except (IntegrityError, SignatureError) as error:
        record = now()
        *earlier, last = record.digests
        if digest in earlier:
            raise VersionRevised(
                f"{version}: rows were erased from it since it was opened as {digest[:12]}, it is "
                f"{last[:12]} now: open it again, and go on without them: a loader's state still fits"
            ) from error
        if record.retired is None:
            raise
        what = str(error).partition(";")[0]  # behind it stands how to mend one that is in use
        raise VersionRetired(
            f"{told(version, record.retired)}; it cannot be read any more: {what}"
        ) from error


def _is_in_use(look: Look, number: int) -> bool:
    try:
        return look(number) is None
    except (FormatError, IntegrityError):
        return False  # not to be recommended either
