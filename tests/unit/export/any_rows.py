"""Rows of every type that a version can have, with whatever is awkward in each."""

import datetime
from typing import Any

from hypothesis import strategies as st

from tests.unit.small_version import Row, row

COLUMNS = (
    ("sample_id", "string"),
    ("text", "string"),
    ("image", "binary"),
    ("big", "int64"),
    ("small", "int32"),
    ("score", "double"),
    ("weight", "float"),
    ("seen", "bool"),
    ("day", "date32[day]"),
    ("at", "timestamp[us, tz=UTC]"),
    ("label", "string"),
)
AWKWARD = (
    "",
    "\x00",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "|\n- `x`",
    "é\u202e",
)
"""Text that means something to some program."""
IMAGES = (
    b"",
    b"\x00",
    b"\x89PNG\r\n\x1a\n\x00",
    b"\xff\xd8\xff\xe0x",
    b"GIF89a",
    b"RIFF\x00\x00\x00\x00WEBPVP8 ",
)

_text = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
_values: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "split": st.sampled_from(("train", "validation", "test")),
        "bucket": st.integers(0, 2),
        "label": _text,
        "text": st.none() | _text,
        "image": st.none() | st.sampled_from(IMAGES) | st.binary(max_size=9),
        "big": st.none() | st.sampled_from((2**63 - 1, -(2**63), 2**53 + 1)) | st.integers(-9, 9),
        "small": st.none() | st.integers(-(2**31), 2**31 - 1),
        "score": st.none() | st.floats(),
        "weight": st.none() | st.floats(width=32),
        "seen": st.none() | st.booleans(),
        "day": st.none() | st.dates(),
        "at": st.none() | st.datetimes(timezones=st.just(datetime.UTC)),
    }
)


def any_rows() -> st.SearchStrategy[list[Row]]:
    """Up to twelve rows of `COLUMNS`, spread over splits and shards; some splits stay empty."""
    drawn = st.dictionaries(st.integers(0, 50), _values, max_size=12)
    return drawn.map(lambda found: [row(index, **fields) for index, fields in found.items()])
