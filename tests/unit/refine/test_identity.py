"""A sample's id: fixed for all time, and injective in the content."""

import hashlib

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.identity import sample_id

content = st.lists(
    st.none() | st.binary(max_size=8) | st.text(st.characters(exclude_categories=["Cs"])), max_size=4
)


def test_the_id_is_the_documented_digest() -> None:
    packed = b"\0\0\0\0\0\0\0\x03h\xc3\xa9" + b"\0\0\0\0\0\0\0\0" + b"\xff" * 8
    assert sample_id(["hé", "", None]) == hashlib.sha256(packed).hexdigest()[:32]
    assert sample_id(["hello"]) == sample_id([b"hello"])


@given(content, content)
def test_other_content_has_another_id(one: list[str | bytes | None], other: list[str | bytes | None]) -> None:
    def data(values: list[str | bytes | None]) -> list[bytes | None]:
        return [value.encode() if isinstance(value, str) else value for value in values]

    assume(data(one) != data(other))
    assert sample_id(one) != sample_id(other)
