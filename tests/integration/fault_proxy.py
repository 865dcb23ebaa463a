"""A proxy before the real object store, for what networks and stores do on bad days."""

import http.client
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from lakemint.config import Config

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of the usual."""

    refuse: bool = False
    """The connection is closed; the store sees nothing."""
    lose_reply: bool = False
    """The store does it; the answer is lost."""
    slow_down: bool = False
    """Answered 503 SlowDown; the store sees nothing."""
    deny: bool = False
    """Answered 403 AccessDenied; the store sees nothing."""
    cut_after: int | None = None
    """The connection breaks after so many bytes of the answer's body."""
    flip: bool = False
    """One bit of the answer's body is wrong."""


Judge = Callable[[str, str], Fault | None]
"""(method, path without query) → what goes wrong, if anything."""


class FaultProxy:
    """Requests pass through `endpoint`; `judge` says what becomes of each, `seen` what came by."""

    def __init__(self, upstream: str) -> None:
        self.judge: Judge = lambda _method, _path: None
        self.seen: list[tuple[str, str]] = []
        self._upstream = urlsplit(upstream).netloc
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def through(self, config: Config) -> Config:
        """The settings, with the store behind this proxy."""
        return replace(config, s3_endpoint=self.endpoint)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The store's own answer."""
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        headers = {name: value for name, value in headers.items() if name.lower() != "expect"}
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        proxy.seen.append((self.command, path))
        fault = proxy.judge(self.command, path) or Fault()
        self.close_connection = fault != Fault()
        if fault.refuse:
            return
        if fault.slow_down:
            self.answer(503, [], SLOW_DOWN)
            return
        if fault.deny:
            self.answer(403, [], DENIED)
            return
        status, headers, data = proxy.ask(self.command, self.path, dict(self.headers.items()), body)
        if fault.flip:
            data = bytes([data[0] ^ 1]) + data[1:]
        if not fault.lose_reply:
            self.answer(status, headers, data, fault.cut_after)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on

    def answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, cut: int | None = None
    ) -> None:
        self.send_response_only(status)
        passed = [(name.lower(), value) for name, value in headers]
        if "content-length" not in dict(passed):
            passed.append(("content-length", str(len(data))))
        for name, value in passed:
            if name not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[:cut])

    def log_message(self, *_arguments: object) -> None:
        """Tests say what went wrong."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy


def times(count: int, method: str, part: str, fault: Fault, after: int = 0) -> Judge:
    """The fault for requests `after` … `after + count - 1` of this method with `part` in their path."""
    met = 0
    lock = threading.Lock()

    def judge(asked: str, path: str) -> Fault | None:
        nonlocal met
        if asked != method or part not in path:
            return None
        with lock:
            met += 1
            return fault if after < met <= after + count else None

    return judge


@contextmanager
def at_most(seconds: float, waits: Collection[float] = ()) -> Iterator[None]:
    """Fails when what it holds takes longer, with the `waits` that were noted: none is without end."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began + sum(waits) < seconds
