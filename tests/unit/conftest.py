"""Unit tests keep their files in memory where there is room: many of them wait for a disk and little else."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 2 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    """Before any folder is made; workers and the programs that tests start have it from the environment."""
    if _usable(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _usable(folder: Path) -> bool:
    """In containers it is often small, or programs in it may not be run."""
    if not os.access(folder, os.W_OK):
        return False
    return shutil.disk_usage(folder).free > ROOM and not os.statvfs(folder).f_flag & os.ST_NOEXEC
