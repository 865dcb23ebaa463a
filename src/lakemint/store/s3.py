"""S3, or a store that speaks it, through boto3."""

import io
import time
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from lakemint.config import Config
from lakemint.errors import ConfigError, ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.lake import Lake
from lakemint.store.base import StoredObject, opened, read_whole, same_bytes
from lakemint.store.s3_errors import Conflict, translated
from lakemint.store.s3_streams import Body, Ranges

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_MAKING = Lock()
"""Clients may be used by many threads; sessions may not make them in many."""
_CONFLICTS = 6
"""How often a conditional write that met another one in mid-air is tried."""
_CONNECTIONS = 64
"""Connections kept open: as many as a probe has writers."""
_STYLES = ("path", "virtual")


class S3Store:
    """A prefix of a bucket."""

    def __init__(self, config: Config, lake: Lake) -> None:
        self._bucket, self._prefix = lake.bucket, lake.prefix
        self._client = s3_client(config)
        self.address = f"{_public(self._client.meta.endpoint_url)}/{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str, at_most: int | None = None) -> bytes:
        with self.open(key) as stream:
            return read_whole(stream, key, at_most)

    def open(self, key: str, etag: str | None = None) -> IO[bytes]:
        body = Body(key, partial(self._fetch, key), {"IfMatch": etag} if etag else {})
        return cast("IO[bytes]", io.BufferedReader(body, 1024 * 1024))

    def seekable(self, key: str) -> IO[bytes]:
        there = self.stat(key)
        if there is None:
            raise ObjectNotFound(f"{key}: no such object")
        return cast("IO[bytes]", Ranges(key, partial(self._fetch, key), there))

    def stat(self, key: str) -> StoredObject | None:
        try:
            with translated(key):
                head = self._client.head_object(**self._at(key))
        except ObjectNotFound:
            return None
        return StoredObject(key, head["ContentLength"], head["ETag"].strip('"'), head["LastModified"])

    def put(self, key: str, data: bytes) -> None:
        with translated(key):
            self._client.put_object(**self._at(key), Body=data)

    def create(self, key: str, content: bytes | Path) -> None:
        self._put_if(key, content, {"IfNoneMatch": "*"})

    def replace(self, key: str, content: bytes | Path, etag: str) -> None:
        try:
            self._put_if(key, content, {"IfMatch": etag})
        except ObjectExists as error:
            # Some stores refuse a missing object like one with another etag: 412, where AWS says 404.
            if self.stat(key) is None:
                raise ObjectNotFound(f"{key}: no such object") from error
            raise

    def delete(self, key: str) -> None:
        with translated(key):
            self._client.delete_object(**self._at(key))

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for item in self._items(prefix, after):
            key = item["Key"].removeprefix(self._prefix)
            yield StoredObject(key, item["Size"], item["ETag"].strip('"'), item["LastModified"])

    def sizes(self, prefix: str, after: str = "") -> Iterator[tuple[str, int]]:
        for item in self._items(prefix, after):
            yield item["Key"].removeprefix(self._prefix), item["Size"]

    def _items(self, prefix: str, after: str) -> Iterator["ObjectTypeDef"]:
        start: Any = {"StartAfter": self._prefix + after} if after else {}
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, **start
            )
        )
        while True:
            with translated(prefix):
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", ())

    def _fetch(self, key: str, condition: dict[str, Any]) -> Any:
        with translated(key):
            return self._client.get_object(**self._at(key), **condition)

    def keeps_versions(self) -> bool:
        from botocore.exceptions import ClientError

        with translated(f"the bucket {self._bucket}"):
            try:
                status = self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in (405, 501):
                    return False  # a store that knows of no versions
                raise
            if status != "Suspended":
                return status == "Enabled"
            # What was written while it was enabled stays as a version when it is overwritten now.
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            return any(found["VersionId"] != "null" for page in pages for found in page.get("Versions", ()))

    def _put_if(self, key: str, content: bytes | Path, condition: dict[str, Any]) -> None:
        for attempt in range(_CONFLICTS):
            try:
                with opened(content) as body, translated(key):
                    self._client.put_object(**self._at(key), Body=body, **condition)
                return
            except (ObjectExists, StoreUnavailable) as error:
                # The reply to a write that succeeded may have been lost, and boto3 has sent it again.
                if self._holds(key, content):
                    return
                if not isinstance(error, Conflict) or attempt == _CONFLICTS - 1:
                    raise
            time.sleep(0.1 * 2**attempt)

    def _at(self, key: str) -> Any:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _holds(self, key: str, content: bytes | Path) -> bool:
        """Whether the key holds these very bytes; False when the store cannot tell."""
        try:
            with opened(content) as ours, self.open(key) as theirs:
                return same_bytes(ours, theirs)
        except StoreError:
            return False


def s3_client(config: Config) -> "S3Client":
    """A boto3 client for the configured endpoint and style, or for AWS by boto3's own rules.

    Raises ConfigError for an endpoint or a style that is none. Tries 9 times, about 9 s when nothing listens;
    connects in 5 s, waits 20 s for each answer or next byte.
    """
    from botocore.config import Config as ClientConfig

    if config.s3_style not in ("", *_STYLES):
        raise ConfigError(f"s3_style {config.s3_style!r}: write {' or '.join(_STYLES)}, or leave it out")
    keys = config.s3_access_key, config.s3_secret_key
    session = _session_of(*keys) if all(keys) else _new_session(*(key or None for key in keys))
    settings = ClientConfig(
        connect_timeout=5,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 9},
        max_pool_connections=_CONNECTIONS,
        s3={"addressing_style": _style(config)},
    )
    region = config.s3_region or session.region_name or "us-east-1"
    try:
        with _MAKING:
            return session.client(
                "s3", region_name=region, endpoint_url=config.s3_endpoint or None, config=settings
            )
    except ValueError as error:
        raise ConfigError(f"s3_endpoint {config.s3_endpoint!r}: {error}; write http://host:port") from error


@cache
def _session_of(access_key: str, secret_key: str) -> "Session":
    """One for all clients of these keys: what botocore must read of S3 takes longer than all the rest."""
    return _new_session(access_key, secret_key)


def _new_session(access_key: str | None = None, secret_key: str | None = None) -> "Session":
    import boto3

    return boto3.session.Session(access_key, secret_key)


def _style(config: Config) -> Literal["path", "virtual", "auto"]:
    if config.s3_style == "path" or (config.s3_endpoint and not config.s3_style):
        return "path"
    return "virtual" if config.s3_style else "auto"


def _public(endpoint: str) -> str:
    """The endpoint without a login, which somebody may have written into it."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
