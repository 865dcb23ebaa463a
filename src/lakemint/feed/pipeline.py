"""Work done ahead in threads, its results in the order of the work."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor | None]:
    """So many, until this is left; none for 0."""
    if not count:
        yield None
        return
    pool = ThreadPoolExecutor(count, "lakemint-feed")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_order(
    pool: ThreadPoolExecutor | None, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """As `map`, with so many items begun ahead of the one that is wanted; without a pool none."""
    if pool is None:
        yield from map(work, items)
        return
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for one in begun:
            one.cancel()
