"""What is to be said when an erasure took away what is just being read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lakemint.errors import IntegrityError, SignatureError, VersionRevised


@contextmanager
def unless_revised(name: str, digest: str, digests: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Raises VersionRevised for what is gone of a version, if an erasure revised it since it was opened.

    It was opened as the manifest `digest`; `digests` reads which ones it stood for by now, the newest last.
    """
    try:
        yield
    except (IntegrityError, SignatureError) as error:
        *earlier, now = digests()
        if digest not in earlier:
            raise
        raise VersionRevised(
            f"{name}: rows were erased from it since it was opened as {digest[:12]}, it is {now[:12]} now: "
            "open it again, and go on without them: a loader's state still fits"
        ) from error
