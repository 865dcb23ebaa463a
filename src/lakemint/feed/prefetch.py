"""Shards fetched ahead of who reads them."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa

_THREADS = 4
"""Fetches at once: most of their time they wait for the store."""


class Prefetch:
    """Reads shards by their numbers, in threads of its own while it is entered; each is read once."""

    def __init__(self, read: "Callable[[int], pa.RecordBatch]") -> None:
        self._read = read
        self._pool = ThreadPoolExecutor(_THREADS, "lakemint-prefetch")
        self._shards: dict[int, Future[pa.RecordBatch]] = {}

    def __enter__(self) -> "Prefetch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def want(self, shards: Iterable[int]) -> None:
        """Begin to read these, and forget those that are not among them."""
        wanted = dict.fromkeys(shards)
        for shard in [one for one in self._shards if one not in wanted]:
            self._shards.pop(shard).cancel()
        for shard in wanted:
            if shard not in self._shards:
                self._shards[shard] = self._pool.submit(self._read, shard)

    def shard(self, shard: int) -> "pa.RecordBatch":
        """One, as soon as it is there; raises what reading it raised."""
        found = self._shards.get(shard)
        return found.result() if found else self._read(shard)
