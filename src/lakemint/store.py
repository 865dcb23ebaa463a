"""A small interface to an object store: S3 through boto3, or a folder for laptops and tests.

Conditional creation (`create`) is the platform's one commit primitive. It settles lost replies itself:
when the key turns out to be taken by the very bytes we sent, the creation was ours.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from lakemint.config import Config
from lakemint.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.lake import Lake

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class StoredObject:
    """An object as listed: key relative to the lake's root, size in bytes, etag without quotes."""

    key: str
    size: int
    etag: str


class Store(Protocol):
    """What the platform asks of an object store. Keys are relative to the lake's root."""

    def get(self, key: str) -> bytes:
        """The whole object; raises ObjectNotFound."""

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        """A forward-only stream; with `etag`, only of those very bytes. Raises ObjectNotFound."""

    def put(self, key: str, data: bytes) -> None:
        """Write or overwrite."""

    def create(self, key: str, data: bytes) -> None:
        """Write if the key is free; raises ObjectExists when other bytes are there."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects under a prefix, in key order."""


def open_store(config: Config) -> Store:
    """The store of the configured lake. Opens no connection yet."""
    lake = Lake(config.need("lake"))
    if lake.root.startswith("file://"):
        return FolderStore(Path(lake.root.removeprefix("file://")))
    return S3Store(config, lake)


class S3Store:
    """S3 or a store that speaks it. Path style when an endpoint is set."""

    def __init__(self, config: Config, lake: Lake) -> None:
        self._bucket, self._prefix = lake.bucket, lake.prefix
        self._client = s3_client(config)

    def get(self, key: str) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {}
        with _translated(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, **condition)
        return cast("IO[bytes]", answer["Body"])

    def put(self, key: str, data: bytes) -> None:
        with _translated(key):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data)

    def create(self, key: str, data: bytes) -> None:
        try:
            with _translated(key):
                self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + key, Body=data, IfNoneMatch="*"
                )
        except ObjectExists:
            if self.get(key) != data:
                raise

    def list(self, prefix: str) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with _translated(prefix):
            for page in pages:
                for item in page.get("Contents", ()):
                    key = item["Key"].removeprefix(self._prefix)
                    yield StoredObject(key, item["Size"], item["ETag"].strip('"'))


def s3_client(config: Config) -> "S3Client":
    """A boto3 client for the configured endpoint, or for AWS by boto3's own rules.

    Retries in boto3's standard mode, 5 attempts; connects in 5 s, reads in 60 s.
    """
    import boto3
    from botocore.config import Config as ClientConfig

    return boto3.session.Session().client(
        "s3",
        region_name=config.s3_region,
        endpoint_url=config.s3_endpoint or None,
        aws_access_key_id=config.s3_access_key or None,
        aws_secret_access_key=config.s3_secret_key or None,
        config=ClientConfig(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 5},
            s3={"addressing_style": "path" if config.s3_endpoint else "auto"},
        ),
    )


class _translated:
    """Turns botocore's errors into ours, with the key named."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _from_status(self._key, code, status) from error
        if isinstance(error, BotoCoreError):
            raise StoreUnavailable(
                f"{self._key}: the object store does not answer ({error}); is it up? `lakemint doctor` tells"
            ) from error


def _from_status(key: str, code: str, status: int) -> StoreError:
    if code == "NoSuchBucket":
        return StoreError(f"{key}: the bucket does not exist; create it, or mend LAKEMINT_LAKE")
    if status == 404:
        return ObjectNotFound(f"{key}: no such object")
    if status in (409, 412):
        return ObjectExists(f"{key}: taken, or not the expected bytes")
    if status == 403:
        return StoreError(f"{key}: the object store refuses these credentials ({code})")
    if status >= 500 or code == "SlowDown":
        return StoreUnavailable(f"{key}: the object store failed ({code or status}); try again later")
    return StoreError(f"{key}: the object store refused ({code or status})")


class FolderStore:
    """The same on a local folder; an object's etag is its MD5, as in S3."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root):
            raise StoreError(f"{key!r} leads out of the lake")
        return path

    def get(self, key: str) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        path = self._path(key)
        try:
            if etag and _md5(path) != etag:
                raise ObjectExists(f"{key}: taken, or not the expected bytes")
            return path.open("rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ObjectNotFound(f"{key}: no such object") from error

    def put(self, key: str, data: bytes) -> None:
        temporary = self._write(key, data)
        temporary.replace(self._path(key))

    def create(self, key: str, data: bytes) -> None:
        temporary = self._write(key, data)
        try:
            os.link(temporary, self._path(key))
        except FileExistsError as error:
            if self.get(key) != data:
                raise ObjectExists(f"{key}: taken, or not the expected bytes") from error
        finally:
            temporary.unlink()

    def _write(self, key: str, data: bytes) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return Path(file.name)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for path in sorted(self._root.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if path.is_file() and not path.name.startswith(".") and key.startswith(prefix):
                yield StoredObject(key, path.stat().st_size, _md5(path))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
