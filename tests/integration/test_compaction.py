"""The files of the real SeaweedFS without what was deleted from it."""

import os
import uuid
from pathlib import Path

from lakemint.config import Config
from lakemint.stack.servers.s3 import S3, compact_store
from lakemint.store import Store


def holding(home: Path, word: str) -> list[str]:
    files = (path for path in (home / S3.name).rglob("*") if path.is_file())
    return [path.name for path in files if word.encode() in path.read_bytes()]


def test_deleted_bytes_are_in_no_file_any_more(config: Config, store: Store) -> None:
    """While others go on writing and deleting."""
    assert config.home is not None
    secret = uuid.uuid4().hex
    for number in range(20):
        store.put(f"a/{number}", secret.encode() + os.urandom(2000))  # it would pack plain text
        store.put(f"b/{number}", f"kept {number}".encode())
    assert holding(config.home, secret)
    for number in range(20):
        store.delete(f"a/{number}")
    assert not compact_store(config.home, "http://127.0.0.1:1"), "another store"
    assert compact_store(config.home, config.s3_endpoint.replace("127.0.0.1", "localhost"))
    assert holding(config.home, secret) == []
    assert [store.get(f"b/{number}") for number in range(20)] == [b"kept %d" % n for n in range(20)]
