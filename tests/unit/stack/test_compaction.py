"""Whose volumes are rewritten, and what is said when they cannot be."""

from pathlib import Path

import pytest

from lakemint.errors import StackError
from lakemint.stack.layout import Stack
from lakemint.stack.servers.s3 import compact_store
from lakemint.stack.settings import settle
from tests.support import CHECKOUT


def test_another_store_is_left_alone_and_one_that_is_down_is_told(tmp_path: Path) -> None:
    stack = Stack(tmp_path, CHECKOUT)
    stack.make_folders()
    own = settle(stack).settings["s3_endpoint"]
    compact_store(tmp_path, "https://s3.example:443")
    with pytest.raises(StackError, match=r"what was deleted is still in its volumes: .*`lakemint up s3`"):
        compact_store(tmp_path, own)
