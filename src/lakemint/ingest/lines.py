"""Bytes to lines, however hostile: gzip of any size, lines of any length, in bounded memory."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line (or csv record) that is read; a longer one is quarantined."""
HEAD = 256
"""Bytes kept of what could not be read."""

BOM = b"\xef\xbb\xbf"
"""A byte-order mark, which is no part of the first line."""

Look = Callable[[bytes], None]
"""Is shown what is read, unpacked, chunk by chunk, each before the lines that end in it."""

_CHUNK = 64 * 1024


class Line(NamedTuple):
    """One line without its `\\n`; with a problem, `data` is only its head."""

    number: int
    """From 1; 0 when nothing of the object could be read."""
    data: bytes
    problem: str | None = None


class Broken(Exception):
    """The stream cannot be decoded from here on. Errors of the network are something else, and pass."""

    def __init__(self, reason: str, head: bytes) -> None:
        super().__init__(reason)
        self.head = head


def read_lines(
    stream: IO[bytes], gzipped: bool, limit: int = LINE_LIMIT, look: Look | None = None
) -> Iterator[Line]:
    """The lines of a byte stream, a blank one and a last one without newline included.

    A byte-order mark at the start is dropped. Lines over `limit` bytes come with a problem; so does, as one
    last line, all that follows a place where gzip ends early or is damaged. Memory: about `limit` bytes.
    """
    number, data, overlong = 1, bytearray(), False
    try:
        for chunk in decoded(stream, gzipped):
            if look:
                look(chunk)
            *ended, rest = chunk.split(b"\n")
            for piece in ended:
                overlong = _add(data, piece, overlong, limit)
                yield _line(number, bytes(data), overlong)
                number, overlong = number + 1, False
                data.clear()
            overlong = _add(data, rest, overlong, limit)
    except Broken as error:
        nothing = number == 1 and not data
        yield Line(0 if nothing else number, error.head if nothing else bytes(data[:HEAD]), str(error))
        return
    last = _line(number, bytes(data), overlong)
    if last.data:
        yield last


def _add(data: bytearray, piece: bytes, overlong: bool, limit: int) -> bool:
    """Append to the open line, as long as it fits; whether it is too long."""
    if overlong or len(data) + len(piece) > limit:
        data.extend(piece[:HEAD])
        del data[HEAD:]
        return True
    data.extend(piece)
    return False


def _line(number: int, data: bytes, overlong: bool) -> Line:
    if number == 1:
        data = data.removeprefix(BOM)
    return Line(number, data, "line too long" if overlong else None)


def decoded(stream: IO[bytes], gzipped: bool) -> Iterator[bytes]:
    """The bytes, unpacked, in chunks, none empty; raises Broken where gzip ends early or is damaged."""
    return _gunzipped(stream) if gzipped else iter(lambda: stream.read(_CHUNK), b"")


class _Peeked:
    """A stream whose first bytes are known before it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.head = self._rest_of_head = stream.read(HEAD)

    def read(self, size: int) -> bytes:
        data, self._rest_of_head = self._rest_of_head[:size], self._rest_of_head[size:]
        return data or self._stream.read(size)


def _gunzipped(stream: IO[bytes]) -> Iterator[bytes]:
    """Decompressed chunks; read1 hands over all that was decoded before it meets a cut."""
    source = _Peeked(stream)
    is_gzip = False
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as unpacked:  # type: ignore[call-overload]
            while chunk := unpacked.read1(_CHUNK):
                is_gzip = True
                yield chunk
    except EOFError as error:
        raise Broken("truncated gzip", source.head) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Broken("damaged gzip" if is_gzip else "not gzip", source.head) from error
