"""Recordings are read as raters' files are: with a mark at the start, CRLF, and answers as a JSON list."""

from pathlib import Path

import pytest

from lakemint.dataset.recipe import LabelSample, Replay
from lakemint.errors import LabelStudioError
from lakemint.label.asking import Asking
from lakemint.label.recordings import Recordings, read_recordings
from lakemint.lake import Lake
from lakemint.store import FolderStore

REPLAY = Replay(columns=["id", "mean", "ratings"], key="id", answers="ratings")


def read(folder: Path, content: bytes) -> Recordings:
    asked = Asking("reviews", ("tweets", "movies"), "label.xml", LabelSample(size=2), 3, REPLAY)
    store = FolderStore(folder)
    store.put("recorded/reviews/tweets.txt", content)
    return read_recordings(store, Lake(f"file://{folder}"), asked)


def test_the_first_answers_of_each_record(tmp_path: Path) -> None:
    found = read(tmp_path, b"\xef\xbb\xbf1\t0.5\t[1, -2, 0, 4]\r\n2\t0\t[3]\n\n2\t0\t[4]\n")
    assert found == {("tweets", "1"): ("1", "-2", "0"), ("tweets", "2"): ("3",)}


@pytest.mark.parametrize(
    "line",
    [
        b"2",
        b"2\t0\t[1]\tone column more",
        b"2\t0\tnot a list",
        b"2\t0\t{}",
        b"2\t0\t[[1]]",
        b"2\t0\t[true]",
        b"\xff\t0\t[1]",
        b"2\t0\t" + b"[" * 9999,
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(LabelStudioError, match=r"recorded/reviews/tweets\.txt:\d+: no recorded answers"):
        read(tmp_path, b"1\t0\t[1]\n" + line + b"\n")
