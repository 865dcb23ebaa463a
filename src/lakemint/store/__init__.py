"""A small interface to an object store: S3 through boto3, or a folder for laptops and tests.

Conditional creation (`create`) is the platform's one commit primitive. It settles lost replies itself:
when the key turns out to be taken by the very bytes we sent, the creation was ours.
"""

from pathlib import Path

from lakemint.config import Config
from lakemint.lake import Lake
from lakemint.store.base import Store, StoredObject
from lakemint.store.folder import FolderStore
from lakemint.store.s3 import S3Store, s3_client

__all__ = ["FolderStore", "S3Store", "Store", "StoredObject", "open_store", "s3_client"]


def open_store(config: Config) -> Store:
    """The store of the configured lake. Opens no connection yet."""
    lake = Lake(config.need("lake"))
    if lake.root.startswith("file://"):
        return FolderStore(Path(lake.root.removeprefix("file://")))
    return S3Store(config, lake)
