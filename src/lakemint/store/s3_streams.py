"""An object's bytes as streams, over connections that break."""

import io
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lakemint.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.store.base import StoredObject
from lakemint.store.s3_errors import translated

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_RESUMES = 6
"""How often one stream is taken up again where it broke."""


class Body(io.RawIOBase):
    """An object's bytes, forward only; taken up again where a connection broke, on the same bytes.

    They may be a range of the object's: `begin` says where that begins.
    """

    def __init__(
        self, key: str, fetch: Callable[[dict[str, Any]], Any], condition: dict[str, Any], begin: int = 0
    ) -> None:
        super().__init__()
        self._key, self._fetch, self._begin = key, fetch, begin
        answer = fetch(condition)
        self._stream, self._etag, self._size = answer["Body"], answer["ETag"], answer["ContentLength"]
        self._done = 0
        self._resumes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while True:
            try:
                with translated(self._key):
                    count: int = self._stream.readinto(buffer)
                if count or self._done == self._size:
                    self._done += count
                    return count
                raise StoreUnavailable(f"{self._key}: cut after {self._done} of {self._size} bytes")
            except StoreUnavailable:
                if self._done == self._size or self._resumes == _RESUMES:
                    raise  # all bytes came, but not the right ones; or it breaks again and again
                self._resume()

    def _resume(self) -> None:
        self._stream.close()
        time.sleep(0.05 * 2**self._resumes)
        self._resumes += 1
        try:
            rest = f"bytes={self._begin + self._done}-{self._begin + self._size - 1}"
            self._stream = self._fetch({"Range": rest, "IfMatch": self._etag})["Body"]
        except (ObjectExists, ObjectNotFound) as error:
            raise StoreError(f"{self._key}: changed while it was read; run this again") from error

    def close(self) -> None:
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()


class Ranges(io.RawIOBase):
    """An object's bytes, anywhere: each read asks for those only, of the object as it was at first."""

    def __init__(self, key: str, fetch: Callable[[dict[str, Any]], Any], there: StoredObject) -> None:
        super().__init__()
        self._key, self._fetch, self._there = key, fetch, there
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._there.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._there.size - self._at)]
        if not len(view):
            return 0
        span = {"Range": f"bytes={self._at}-{self._at + len(view) - 1}", "IfMatch": self._there.etag}
        try:
            body = Body(self._key, self._fetch, span, self._at)
        except (ObjectExists, ObjectNotFound) as error:
            raise StoreError(f"{self._key}: changed while it was read; run this again") from error
        done = 0
        with body:
            while done < len(view) and (count := body.readinto(view[done:])):
                done += count
        self._at += done
        return done
