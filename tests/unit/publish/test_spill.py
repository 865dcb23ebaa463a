"""Rows that take the way over the disk: all are there again, place by place."""

import errno
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.errors import LakemintError
from lakemint.publish.spill import Spill
from tests.support import at_once

SCHEMA = pa.schema([("text", pa.string()), ("image", pa.binary())])
places = st.integers(0, 5) | st.integers(2**40, 2**40 + 2)


def batch_of(rows: Sequence[tuple[int, str | None, bytes | None]]) -> pa.RecordBatch:
    arrays = [pa.array([row[index] for row in rows], SCHEMA.field(index - 1).type) for index in (1, 2)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


@given(
    st.lists(st.lists(st.tuples(places, st.none() | st.text(max_size=5), st.none() | st.binary(max_size=5))))
)
def test_the_rows_of_a_place_come_back_in_their_order(batches: list[list[Any]]) -> None:
    with Spill(SCHEMA) as spill:
        for rows in batches:
            spill.write(batch_of(rows), np.array([row[0] for row in rows], np.int64))
        sizes = spill.sizes()
        met = sorted({row[0] for rows in batches for row in rows})
        assert [*sizes] == met
        for place in met:
            expected = [row[1:] for rows in batches for row in rows if row[0] == place]
            found = spill.read(place)
            assert [tuple(row.values()) for row in found.to_pylist()] == expected
            assert sizes[place] >= found.nbytes
        if met:
            every = spill.read(met[0], met[-1])
            assert every.num_rows == sum(map(len, batches))


def test_many_may_write_at_once() -> None:
    with Spill(SCHEMA) as spill:

        def write(number: int) -> None:
            for turn in range(20):
                rows = [(place, f"{number}.{turn}", b"x" * turn) for place in range(7)]
                spill.write(batch_of(rows), np.arange(7))

        at_once(write, 8)
        assert [*spill.sizes()] == [*range(7)]
        texts = {f"{number}.{turn}" for number in range(8) for turn in range(20)}
        assert all({*spill.read(place)["text"].to_pylist()} == texts for place in range(7))


def test_no_one_else_can_find_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Spill(SCHEMA) as spill:
        spill.write(batch_of([(0, "secret", None)]), np.zeros(1, np.int64))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("lakemint.publish.spill.os.pwrite", full)
    with (
        Spill(SCHEMA) as spill,
        pytest.raises(LakemintError, match=r"no room in .* another folder by TMPDIR"),
    ):
        spill.write(batch_of([(0, "x", None)]), np.zeros(1, np.int64))


def test_a_temporary_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(LakemintError, match="no room in /nowhere"):
        Spill(SCHEMA)
