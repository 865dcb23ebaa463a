"""A small interface to an object store: S3 through boto3, or a folder for laptops and tests.

Conditional writes are the platform's commit primitives: `create` when the key is free, `replace` when the
object is still the one that was read. They settle lost replies themselves: when the key turns out to hold the
very bytes we sent, the write was ours.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from lakemint.config import Config, load_config
from lakemint.lake import Lake
from lakemint.store.base import Store, StoredObject
from lakemint.store.folder import FolderStore
from lakemint.store.s3 import S3Store, s3_client

__all__ = ["FolderStore", "S3Store", "Store", "StoreAddress", "StoredObject", "open_store", "s3_client"]


@dataclass(frozen=True)
class StoreAddress:
    """All a worker must be told of the store, none of it secret: credentials come from its own settings."""

    lake: str
    s3_endpoint: str
    s3_region: str
    s3_style: str

    @classmethod
    def of(cls, config: Config) -> "StoreAddress":
        return cls(config.need("lake"), config.s3_endpoint, config.s3_region, config.s3_style)

    def open(self) -> Store:
        """The store, with the credentials of the process it is opened in."""
        return open_store(self.config(load_config()))

    def config(self, own: Config) -> Config:
        """These settings over a process's own, which has the credentials."""
        return replace(
            own,
            lake=self.lake,
            s3_endpoint=self.s3_endpoint or own.s3_endpoint,
            s3_region=self.s3_region,
            s3_style=self.s3_style or own.s3_style,
        )


def open_store(config: Config) -> Store:
    """The store of the configured lake. Opens no connection yet."""
    lake = Lake(config.need("lake"))
    if lake.root.startswith("file://"):
        return FolderStore(Path(lake.root.removeprefix("file://")))
    return S3Store(config, lake)
