"""Whether a store keeps the promises that publishing rests on, found out by trying.

A store that speaks S3 may ignore `If-None-Match` and `If-Match`, heed them without being atomic, or stand
behind a gateway that drops them. Of two publishers each would then believe that it made `reviews@3`.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Final

from lakemint.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.store.base import Store

WRITERS: Final = 64
"""How many write one object at once."""
CHECKS: Final = ("read", "list", "create", "replace")
"""What is tried: reads and lists after writes, conditional creations, conditional replacements."""
_PATIENCE: Final = 60
"""Seconds that the first writer waits for the last one to be ready."""
_LONGEST: Final = 1024
"""No object of a probe has as many bytes."""


def faults(store: Store, folder: str) -> list[str]:
    """What the store does wrong, each in words; none when it is safe to publish on.

    Makes small objects of its own under the key prefix `folder`, and removes them. Raises StoreError when
    nothing can be found out: the store does not answer, refuses the credentials, or has no such bucket.
    """
    own = f"{folder}{uuid.uuid4().hex}-"
    try:
        return [
            *_reads_and_lists(store, f"{own}read"),
            *_creations(store, f"{own}create"),
            *_replacements(store, f"{own}replace"),
        ]
    finally:
        for name in ("read", "create", "replace"):
            with suppress(StoreError):  # what was found is worth more
                store.delete(f"{own}{name}")


def _reads_and_lists(store: Store, key: str) -> Iterator[str]:
    """Leases rest on it: of two who write theirs and then look, at least one must see the other's."""
    for data in (b"first", b"second"):
        store.put(key, data)
        if _held(store, key) != data:
            yield "an object that was just written could not be read as it was written"
        if not _is_listed(store, key):
            yield "an object that was just written was not listed"
    store.delete(key)
    if _held(store, key) is not None:
        yield "an object that was just deleted could still be read"
    if _is_listed(store, key):
        yield "an object that was just deleted was still listed"


def _creations(store: Store, key: str) -> Iterator[str]:
    """Version records rest on it."""
    yield from _raced(store, key, "created one object with If-None-Match", lambda own: store.create(key, own))


def _replacements(store: Store, key: str) -> Iterator[str]:
    """Channels rest on it."""
    store.put(key, b"before")
    there = store.stat(key)
    if there is None:
        yield "an object that was just written was not there"
        return
    seen = there.etag
    wrong = [
        *_raced(store, key, "replaced one object with If-Match", lambda own: store.replace(key, own, seen))
    ]
    yield from wrong
    if not wrong and _is_taken(lambda: store.replace(key, b"stale", seen)):
        yield "an object was replaced by If-Match of what it was before, not of what it is"


def _raced(store: Store, key: str, what: str, write: Callable[[bytes], None]) -> Iterator[str]:
    """Exactly one of many must be told that its write was taken, and its bytes must stay."""
    try:
        won = _winners(store, key, write)
    except StoreUnavailable:
        raise
    except StoreError as error:
        why = str(error).removeprefix(f"{key}: ")
        yield f"of {WRITERS} who {what} at once, one was refused: {why}"
        return
    if len(won) != 1:
        told = f"{len(won)} were told that they had" if won else "nobody was told that it had"
        yield f"of {WRITERS} who {what} at once, {told}"
    elif _held(store, key) != won[0]:
        yield f"of {WRITERS} who {what} at once, one was told that it had, but other bytes are there"


def _winners(store: Store, key: str, write: Callable[[bytes], None]) -> list[bytes]:
    """The bytes of those who were not told that someone else was first."""
    start = Barrier(WRITERS)

    def compete(turn: int) -> bytes | None:
        own = f"writer {turn}".encode()
        with suppress(StoreError):
            store.stat(key)  # has a connection open, so that the writes meet
        start.wait(_PATIENCE)
        return own if _is_taken(lambda: write(own)) else None

    with ThreadPoolExecutor(WRITERS) as crowd:
        return [own for own in crowd.map(compete, range(WRITERS)) if own is not None]


def _is_taken(write: Callable[[], None]) -> bool:
    try:
        write()
    except (ObjectExists, ObjectNotFound):
        return False
    return True


def _held(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key, _LONGEST)
    except ObjectNotFound:
        return None


def _is_listed(store: Store, key: str) -> bool:
    return key in [item.key for item in store.list(key)]
