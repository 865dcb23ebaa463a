"""What no publisher can pass: hashing the bytes once on one core, and having them on the disk."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bytes, and the seconds of each."""

    bytes: int
    sha256: float
    write: float

    @property
    def slower(self) -> float:
        """Bytes a second of the slower one."""
        return self.bytes / max(self.sha256, self.write)


def limits(published: Path, target: Path) -> Limits:
    """Of all files under `published`, the bytes hashed in memory, and written to `target` and synced."""
    os.sync()
    total, hashing, writing = 0, 0.0, 0.0
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for path in sorted(path for path in published.rglob("*") if path.is_file()):
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    total += len(chunk)
                    began = time.perf_counter()
                    digest.update(chunk)
                    hashed = time.perf_counter()
                    file.write(chunk)
                    hashing += hashed - began
                    writing += time.perf_counter() - hashed
        began = time.perf_counter()
        os.fsync(file.fileno())
        writing += time.perf_counter() - began
    target.unlink()
    return Limits(total, hashing, writing)
