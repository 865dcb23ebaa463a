"""Work on several things at once, within what memory allows."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

ROOM: Final = 512 * 1024 * 1024
"""Bytes of memory for all that is under way."""
_MOST: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(work: Callable[[Item], Result], items: Iterable[Item], size: int = 0) -> list[Result]:
    """What `work` makes of each, in their order; each takes `size` bytes of memory, or less.

    When one fails, those that are not begun never are, and its error is raised. More threads than processors
    have something to do, since each waits for the disk or the store at last.
    """
    threads = min(_MOST, 2 * (os.cpu_count() or 1), ROOM // max(size, 1))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(work, items))
