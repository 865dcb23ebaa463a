"""SeaweedFS: the object store. One process, S3 in front, its parts on loopback ports of their own."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from lakemint.config import outer_environment
from lakemint.errors import StackError
from lakemint.files import write_private
from lakemint.stack.certificate import own_certificate
from lakemint.stack.layout import Stack, tool
from lakemint.stack.program import NotReady, Program
from lakemint.stack.report import Report
from lakemint.stack.servers.http import ask
from lakemint.stack.settings import BUCKET, S3_PORTS, read_stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ROUND = 2.5
"""Seconds: what is deleted in its filer goes from its volumes in rounds of 1.1 s (`filer_deletion.go`)."""
_COMPACTED = 10_000_000
"""Bytes a second that a volume is rewritten with, at least."""
_ROUNDS = 5
"""At most; in one, it deletes up to 100,000 objects."""


class S3:
    """The object store."""

    name = "s3"
    title = "SeaweedFS (S3)"
    parts: tuple[str, ...] = ("s3",)
    ports: tuple[str, ...] = S3_PORTS

    def address(self, stack: Stack) -> str:
        return stack.settings["s3_endpoint"]

    def prepare(self, stack: Stack, report: Report) -> None:
        stack.data(self.name).mkdir(mode=0o700, exist_ok=True)
        keys = {"accessKey": stack.secrets["s3_access_key"], "secretKey": stack.secrets["s3_secret_key"]}
        identity = {
            "name": "lake",
            "credentials": [keys],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(stack.run / "s3.json", json.dumps({"identities": [identity]}))
        if not _certificate(stack).exists():
            write_private(_certificate(stack), own_certificate())

    def programs(self, stack: Stack) -> list[Program]:
        port = stack.ports
        options = {
            # Its master's HTTP side takes orders from anyone, `delete everything` too.
            "disableHttp": "true",
            "dir": stack.data(self.name),
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": port["s3_master"],
            "master.port.grpc": port["s3_master_grpc"],
            "master.telemetry": "false",
            # It votes for itself; by default it takes 10 to 20 s to be sure that it won.
            "master.electionTimeout": "1s",
            # Small volumes: a deleted object's space comes back sooner.
            "master.volumeSizeLimitMB": 1024,
            "volume.port": port["s3_volume"],
            "volume.port.grpc": port["s3_volume_grpc"],
            # By default as many as fit on the disk by now. Each bucket takes seven at once: on a disk of few
            # gigabytes the second one could take nothing. None needs room before it holds something.
            "volume.max": 10_000,
            "volume.preStopSeconds": 0,
            "filer": "true",
            "filer.port": port["s3_filer"],
            "filer.port.grpc": port["s3_filer_grpc"],
            "s3": "true",
            "s3.port": port["s3"],
            "s3.port.grpc": port["s3_grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": stack.run / "s3.json",
        }
        given = (f"-{name}={value}" for name, value in options.items())
        command = (str(tool("weed")), "-logtostderr=true", "server", *given)
        # Asked to end, its filer waits 15 s for its own S3 side. What it acknowledged is in files anyway.
        return [Program(self.name, command, stack.data(self.name), _trust(stack), stop_seconds=3)]

    def complete(self, stack: Stack) -> None:
        """The lake's bucket."""
        with _asked(stack) as client:
            if not _has_bucket(client):
                client.create_bucket(Bucket=BUCKET)

    def check(self, stack: Stack, since: float) -> None:
        """Its volumes are there, it knows our keys, and has the lake's bucket."""
        with _asked(stack) as client:
            if not _has_bucket(client):
                raise NotReady(f"it has no bucket {BUCKET!r}: `lakemint up` makes an empty one")


def compact_store(home: Path, endpoint: str, patience: float = 120.0) -> bool:
    """Rewrite the volumes of the store in `home` without what was deleted: by itself it does so much later.

    The store goes on working. Returns False, having done nothing, when `endpoint` is another store's. Raises
    StackError when it is not running, or not done in `patience` seconds and what so many bytes take besides.
    """
    stack = read_stack(home)
    if _place(stack.settings.get("s3_endpoint", "")) != _place(endpoint):
        return False
    volumes = _settled(stack)
    due = {number: volume.revision for number, volume in volumes.items() if volume.deleted}
    patience += sum(volumes[number].bytes for number in due) / _COMPACTED
    until = time.monotonic() + patience
    while due:
        _shell(stack, patience, "lock", "volume.vacuum -garbageThreshold 0.000001", "unlock")
        now = {number: volume.revision for number, volume in _volumes(stack).items()}
        due = {number: revision for number, revision in due.items() if now.get(number) == revision}
        if due and time.monotonic() > until:
            raise StackError(
                f"{stack.data(S3.name)}: after {patience:.0f} s, what was deleted is still in {len(due)} "
                "volumes: run this again"
            )
        time.sleep(0.2 if due else 0)
    return True


def _place(endpoint: str) -> tuple[str | None, int | None]:
    """Host and port, however the host of this machine is spelled."""
    parts = urlsplit(endpoint)
    return "127.0.0.1" if parts.hostname in ("localhost", "::1") else parts.hostname, parts.port


class _Volume(NamedTuple):
    """How often it was compacted, its bytes, and those of them that were deleted."""

    revision: int
    bytes: int
    deleted: int


def _settled(stack: Stack) -> dict[int, _Volume]:
    """The volumes, once they know of all that was deleted, even where others go on deleting."""
    now = _volumes(stack)
    for _ in range(_ROUNDS):
        time.sleep(_ROUND)
        before, now = now, _volumes(stack)
        if now == before:
            break
    return now


def _volumes(stack: Stack) -> dict[int, _Volume]:
    """By their numbers."""
    try:
        told = ask(stack.ports["s3_volume"], "/status")["Volumes"]
    except NotReady as error:
        raise _not_compacted(stack) from error
    return {one["Id"]: _Volume(one["CompactRevision"], one["Size"], one["DeletedByteCount"]) for one in told}


def _shell(stack: Stack, patience: float, *commands: str) -> None:
    """Have SeaweedFS' shell carry out commands, in so many seconds."""
    port = stack.ports
    command = [
        str(tool("weed")),
        "shell",
        f"-master=127.0.0.1:{port['s3_master']}.{port['s3_master_grpc']}",
        f"-filer=127.0.0.1:{port['s3_filer']}.{port['s3_filer_grpc']}",
    ]
    told = "".join(f"{one}\n" for one in commands)
    own = {**outer_environment(), **_trust(stack)}
    try:
        subprocess.run(
            command, input=told, env=own, capture_output=True, text=True, timeout=patience, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"{stack.data(S3.name)}: its volumes were not rewritten in {patience:.0f} s: run this again"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise _not_compacted(stack) from error


def _not_compacted(stack: Stack) -> StackError:
    return StackError(
        f"{stack.data(S3.name)}: what was deleted is still in its volumes: run this again while the store is "
        "up (`lakemint up s3`)"
    )


def _certificate(stack: Stack) -> Path:
    return stack.run / "s3.pem"


def _trust(stack: Stack) -> dict[str, str]:
    """Its parts know each other: without it, anyone on this machine could pass S3 by.

    Over HTTP they sign what they ask, over gRPC each shows the one certificate that it accepts.
    """
    kinds = ("JWT_SIGNING", "JWT_SIGNING_READ", "JWT_FILER_SIGNING", "JWT_FILER_SIGNING_READ")
    signing = {f"WEED_{kind}_KEY": stack.secrets["s3_signing_key"] for kind in kinds}
    parts = ("MASTER", "VOLUME", "FILER", "S3", "CLIENT")
    own = str(_certificate(stack))
    shown = {f"WEED_GRPC_{part}_{what}": own for part in parts for what in ("CERT", "KEY")}
    return {**signing, **shown, "WEED_GRPC_CA": own}


@contextmanager
def _asked(stack: Stack) -> "Iterator[S3Client]":
    """A client of a store that can take data; raises NotReady for what goes wrong with it."""
    from botocore.exceptions import BotoCoreError, ClientError

    ask(stack.ports["s3_volume"], "/healthz")
    try:
        yield _client(stack)
    except (BotoCoreError, ClientError) as error:
        raise NotReady(str(error)) from error


def _has_bucket(client: "S3Client") -> bool:
    return BUCKET in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def _client(stack: Stack) -> "S3Client":
    """Impatient: who asks whether a store is well wants no retries."""
    import boto3
    from botocore.config import Config as ClientConfig

    return boto3.session.Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=stack.settings["s3_endpoint"],
        aws_access_key_id=stack.secrets["s3_access_key"],
        aws_secret_access_key=stack.secrets["s3_secret_key"],
        config=ClientConfig(
            connect_timeout=2,
            read_timeout=5,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
