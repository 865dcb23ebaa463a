"""The servers of the embedded stack, in the order they are shown."""

from collections.abc import Sequence
from typing import Final

from lakemint.errors import StackError
from lakemint.stack.program import Server
from lakemint.stack.servers.airflow import Airflow
from lakemint.stack.servers.label_studio import LabelStudio
from lakemint.stack.servers.s3 import S3
from lakemint.stack.servers.spark import Spark

SERVERS: Final[tuple[Server, ...]] = (S3(), Spark(), Airflow(), LabelStudio())


def choose(names: Sequence[str] | None = None) -> list[Server]:
    """The servers of these names, or all; raises StackError for an unknown one."""
    known = {server.name: server for server in SERVERS}
    if unknown := [name for name in names or () if name not in known]:
        raise StackError(f"no server {unknown[0]!r}: there are {', '.join(known)}")
    return [server for server in SERVERS if names is None or server.name in names]
