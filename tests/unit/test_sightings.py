"""Names in bytes that nobody could read: found however they are written, and only as words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.sightings import CHANCE, Sightings
from lakemint.subjects import LONGEST, MOST, Subjects


def are_in(text: bytes, *names: str, least: int = 0) -> bool:
    """Whether a name stands in a line."""
    return Sightings(Subjects("author", *names), least).are_in(b"\n" + text + b"\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ('Zoë "Q"', 'x\tZoë "Q"\ty'.encode()),
        ('Zoë "Q"', 'x,"Zoë ""Q""",y'.encode()),
        ('Zoë "Q"', rb'{"author": "Zo\u00eb \"Q\""'),
        ('Zoë "Q"', rb'{"author": "Zo\u00EB \"Q\""'),
        ('Zoë "Q"', 'Zoe\u0308 "Q"'.encode()),
        ("Zoë", "Zoë".encode("latin-1")),
        ("Zoë", b"," + "Zoë;".encode("utf-16-le")),
        ("Zoë", "Zoë".encode("utf-16-be")),
        ("\uff3ao\u00eb", "Zoë".encode()),
        ("O'Hara <o@h.org>", rb"O\u0027Hara \u003co@h.org\u003e"),
        ("a/b", rb"a\/b"),
        ("Ann  B", b"Ann  B"),
        ("Ann  B", b"Ann B"),
        ("\U0001f600x", rb"\ud83d\ude00x"),
        ("42", b"42"),
        ("42", b"x,42,y"),
        ("42", rb"one\n42\ttwo"),
        ("42", rb"\u00e942"),
        ("@bo", b"me@bo"),
    ],
)
def test_names_are_found_however_they_are_written(name: str, text: bytes) -> None:
    assert are_in(text, "nobody", name)


@pytest.mark.parametrize("text", [b"1420", b"42nd", b"a42", b"x_42", b"4 2", b"", b"n42", rb"\\42x"])
def test_a_part_of_a_word_is_no_name(text: bytes) -> None:
    assert not are_in(text, "42")


def test_a_name_at_the_edge_may_go_on_there() -> None:
    assert not Sightings(Subjects("author", "42")).are_in(b"\n42")
    assert not Sightings(Subjects("author", "42")).are_in(b"42\n")


def test_short_names_can_be_left_out() -> None:
    assert not are_in(b"x 1234 y", "1234", least=CHANCE)
    assert are_in(b"x 12345 y", "1234", "12345", least=CHANCE)
    assert Sightings(Subjects("author", "1234"), CHANCE).reach == 0


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)


@given(name=names, others=st.lists(names, max_size=3), before=names, behind=names)
def test_any_name_is_found_between_others(name: str, others: list[str], before: str, behind: str) -> None:
    assert are_in(f"{before}\t{name}\t{behind}".encode(), *others, name)


def test_the_largest_order_is_looked_for_in_bounded_memory() -> None:
    sought = Sightings(Subjects("author", *(f"{number}é" * (LONGEST // 4) for number in range(MOST))))
    assert sought.reach <= 8 * LONGEST
    assert not sought.are_in(b"\n" + b"1" * 100_000 + b"\n")
