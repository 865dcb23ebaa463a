"""Ports: chosen free once, then kept."""

import random
import socket
from collections.abc import Iterable

# Below the range from which systems take the ports of outgoing connections.
_FIRST, _LAST = 20_000, 32_000

NOBODY = "another user's program"
"""Who holds a port when nobody can be named; a killed process of many threads does too while it is dying."""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of this machine now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: closing connections are no bar
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(names: Iterable[str], taken: set[int]) -> dict[str, int]:
    """A free port for each name, none of `taken`."""
    candidates = random.SystemRandom().sample(range(_FIRST, _LAST), _LAST - _FIRST)
    free = (port for port in candidates if port not in taken and is_free(port))
    return {name: next(free) for name in names}


def holder(port: int) -> str:
    """Who listens on the port, in words: `python (pid 77)`, or NOBODY that can be named."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return NOBODY
    for connection in connections:
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            if connection.pid is None:
                break
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                break
    return NOBODY
