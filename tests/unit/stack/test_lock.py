import os
from pathlib import Path

import pytest

from lakemint.errors import StackError
from lakemint.stack.layout import Stack
from lakemint.stack.lock import locked


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", tmp_path)
    stack.make_folders()
    busy = pytest.raises(StackError, match=rf"`lakemint up` \(pid {os.getpid()}\) is at work")
    with locked(stack, "up"), busy, locked(stack, "down"):
        pass
    with locked(stack, "down"):  # and free again
        pass
