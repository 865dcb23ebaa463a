"""Label Studio's own server, started with two settings that no variable of it reaches.

Run by Label Studio's Python, not ours; the arguments are those of `label-studio`.
"""

import socketserver
from typing import Any

from django.db.backends.signals import connection_created
from label_studio.server import main


def tune(connection: Any, **_: Any) -> None:
    """SQLite in WAL mode is safe against a killed process without an fsync for each commit."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")


if __name__ == "__main__":
    connection_created.connect(tune)
    # Head and body of a reply are written apart: with Nagle's algorithm each kept-alive request waits 40 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    main()
