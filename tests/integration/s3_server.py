"""A small S3 over HTTP, in this process, that can have bad habits."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from lakemint.config import Config

BUCKET = "lake"
Habit = Literal[
    "ignores If-None-Match",
    "ignores If-Match",
    "looks before it creates",
    "looks before it replaces",
    "tires of If-Match",
    "knows no conditions",
    "takes no condition but does nothing",
    "reads what was before",
    "reads what is gone",
    "lists late",
    "lists what is gone",
    "is away",
]
"""`looks before …`: it looks and acts, but not in one step. `tires`: after 64 times it heeds it no more."""
_WHEN = "2026-11-22T12:00:00.000Z"
_WHEN_HTTP = "Sun, 22 Nov 2026 12:00:00 GMT"


class S3Server(ThreadingHTTPServer):
    """Objects of one bucket without versions, in memory; `seen` is what was asked for: (method, key)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, habit: Habit | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.habit = habit
        self.objects: dict[str, bytes] = {}
        self.before: dict[str, bytes] = {}
        """What each object was before it was last written or deleted."""
        self.lock = threading.Lock()
        self.seen: list[tuple[str, str]] = []
        self._looked = self._matched = 0
        self._two_looked = threading.Barrier(2)

    @property
    def config(self) -> Config:
        return Config(
            lake=f"s3://{BUCKET}",
            s3_endpoint=f"http://127.0.0.1:{self.server_port}",
            s3_access_key="anyone",
            s3_secret_key="anything",
        )

    def put(self, key: str, data: bytes, none_match: str | None, match: str | None) -> tuple[int, str]:
        """The status and the error's code of a PUT."""
        if self.habit == "knows no conditions" and (none_match or match):
            return 501, "NotImplemented"
        if self.habit == "takes no condition but does nothing" and (none_match or match):
            return 412, "PreconditionFailed"
        if self.habit in ("looks before it creates", "looks before it replaces"):
            return self._put_in_two_steps(key, data, none_match, match)
        with self.lock:
            if not self._holds(key, none_match, match):
                return 412, "PreconditionFailed"
            self._keep(key, data)
            return 200, ""

    def _put_in_two_steps(
        self, key: str, data: bytes, none_match: str | None, match: str | None
    ) -> tuple[int, str]:
        with self.lock:
            fits = self._holds(key, none_match, match)
            self._looked += bool(match if self.habit == "looks before it replaces" else none_match)
            waits = fits and 1 <= self._looked <= 2
        if waits:  # the first two both see that they may; would they not come together, this would break
            self._two_looked.wait(30)
        with self.lock:
            if fits:
                self._keep(key, data)
        return (200, "") if fits else (412, "PreconditionFailed")

    def _holds(self, key: str, none_match: str | None, match: str | None) -> bool:
        there = self.objects.get(key)
        if none_match and self.habit != "ignores If-None-Match" and there is not None:
            return False
        self._matched += bool(match)
        if self.habit == "ignores If-Match" or (self.habit == "tires of If-Match" and self._matched > 64):
            return True
        return not match or (there is not None and etag(there) == match)

    def _keep(self, key: str, data: bytes) -> None:
        if key in self.objects:
            self.before[key] = self.objects[key]
        self.objects[key] = data

    def delete(self, key: str) -> None:
        with self.lock:
            if key in self.objects:
                self.before[key] = self.objects.pop(key)

    def get(self, key: str) -> bytes | None:
        with self.lock:
            if self.habit == "reads what was before" and key in self.objects:
                return self.before.get(key, self.objects[key])
            if self.habit == "reads what is gone" and key not in self.objects:
                return self.before.get(key)
            return self.objects.get(key)

    def list(self, prefix: str) -> list[str]:
        with self.lock:
            keys = set(self.objects)
            if self.habit == "lists late":
                keys &= set(self.before)
            if self.habit == "lists what is gone":
                keys |= set(self.before)
            return sorted(key for key in keys if key.startswith(prefix))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Server

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        none_match, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
        status, code = self.server.put(self._key(), data, none_match, match and match.strip('"'))
        self._answer(status, _error(code) if code else b"", ETag=f'"{etag(data)}"')

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "versioning" in query:
            self._answer(501, _error("NotImplemented"))
            return
        if "list-type" in query:
            self._answer(200, _listing(self.server.list(query.get("prefix", [""])[0])))
            return
        data = self.server.get(self._key())
        if data is None:
            self._answer(404, _error("NoSuchKey"))
        else:
            self._answer(200, data, ETag=f'"{etag(data)}"')

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.server.delete(self._key())
        self._answer(204, b"")

    def _key(self) -> str:
        key = unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")
        self.server.seen.append((self.command, key))
        return key

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        away = self.server.habit == "is away"
        self.send_response_only(403 if away else status)
        for name, value in {"Last-Modified": _WHEN_HTTP, **headers}.items():
            self.send_header(name, value)
        body = _error("AccessDenied") if away else body
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Tests say what went wrong."""


def etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def _listing(keys: list[str]) -> bytes:
    entries = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>1</Size><ETag>x</ETag>"
        f"<LastModified>{_WHEN}</LastModified></Contents>"
        for key in keys
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()


@contextmanager
def serving(habit: Habit | None = None) -> Iterator[S3Server]:
    server = S3Server(habit)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
