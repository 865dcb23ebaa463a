"""Lengths: counted as rows pass by, in any batches."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lakemint.datacard.lengths import Lengths

SCHEMA = pa.schema(
    [("sample_id", pa.string()), ("text", pa.string()), ("image", pa.binary()), ("n", pa.int64())]
)


def batch(texts: list[str | None], images: list[bytes | None]) -> pa.RecordBatch:
    ids = [str(n) for n in range(len(texts))]
    return pa.RecordBatch.from_arrays(
        [pa.array(ids), pa.array(texts, pa.string()), images, [1] * len(ids)], schema=SCHEMA
    )


@given(
    st.lists(
        st.lists(
            st.tuples(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.binary()),
            max_size=8,
        ),
        max_size=4,
    )
)
def test_every_value_is_counted_once(pieces: list[list[tuple[str | None, bytes | None]]]) -> None:
    lengths = Lengths(SCHEMA)
    batches = [batch([text for text, _ in piece], [image for _, image in piece]) for piece in pieces]
    assert list(lengths.passing(batches)) == batches
    assert list(lengths.spreads) == ["text", "image"]
    for place, name in enumerate(("text", "image")):
        values = [row[place] for piece in pieces for row in piece]
        held = [len(value) for value in values if value is not None]
        spread = lengths.spreads[name]
        assert (spread.values, spread.nulls, spread.total) == (len(held), len(values) - len(held), sum(held))
        assert (spread.least, spread.most) == (min(held, default=0), max(held, default=0))
        assert sum(spread.bins.values()) == len(held)
        for bits, count in spread.bins.items():
            assert count == sum(n.bit_length() == bits for n in held)


def test_characters_are_counted_not_bytes() -> None:
    lengths = Lengths(SCHEMA)
    list(lengths.passing([batch(["é\U0001f35e"], [b"\xc3\xa9"])]))
    spreads = lengths.spreads
    assert (spreads["text"].unit, spreads["text"].total) == ("characters", 2)
    assert (spreads["image"].unit, spreads["image"].mean) == ("bytes", 2.0)
