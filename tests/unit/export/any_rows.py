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
_values: dict[str, st.SearchStrategy[Any]] = {
    "text": _text,
    "image": st.sampled_from(IMAGES) | st.binary(max_size=9),
    "big": st.sampled_from((2**63 - 1, -(2**63), 2**53 + 1)) | st.integers(-9, 9),
    "small": st.integers(-(2**31), 2**31 - 1),
    "score": st.floats(),
    "weight": st.floats(width=32),
    "seen": st.booleans(),
    "day": st.dates(),
    "at": st.datetimes(timezones=st.just(datetime.UTC)),
}
_place: dict[str, st.SearchStrategy[Any]] = {
    "split": st.sampled_from(("train", "validation", "test")),
    "bucket": st.integers(0, 2),
    "label": _text,
}


def any_rows(nulls: bool = True) -> st.SearchStrategy[list[Row]]:
    """Up to twelve rows of `COLUMNS`, spread over splits and shards; some splits stay empty."""
    values = {name: st.none() | drawn if nulls else drawn for name, drawn in _values.items()}
    drawn = st.dictionaries(st.integers(0, 50), st.fixed_dictionaries({**_place, **values}), max_size=12)
    return drawn.map(lambda found: [row(index, **fields) for index, fields in found.items()])
