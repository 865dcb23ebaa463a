"""Whom an erasure is about: found however the name is written, and never shown."""

import pytest

from lakemint.errors import LakemintError
from lakemint.subjects import LONGEST, MOST, Subjects

ZOE = Subjects("author", " Zoë  \u0022Q\u0022 ", "Bo")


@pytest.mark.parametrize("text", ['Zoë "Q"', 'Zoe\u0308 "Q"', '\tZoë\u00a0"Q"\n', '\uff3aoë "Q"'])
def test_white_space_and_unicodes_forms_make_no_difference(text: str) -> None:
    assert ZOE.is_named(text)


@pytest.mark.parametrize("text", [None, "", 'zoë "Q"', 'Zoe "Q"', 'Zoë "Q" and I'])
def test_another_text_names_another(text: str | None) -> None:
    assert not ZOE.is_named(text)


@pytest.mark.parametrize("value", ["", " \t\n", "\udce9", "x" * (LONGEST + 1)])
def test_a_name_that_names_nobody_is_refused(value: str) -> None:
    with pytest.raises(LakemintError, match="data subject"):
        Subjects("author", "Bo", value)


def test_the_name_is_not_shown() -> None:
    assert "Zo" not in f"{ZOE} {ZOE!r}"


def test_each_of_several_is_meant() -> None:
    assert ZOE.is_named("Bo")
    assert Subjects("author", "Bo", 'Zoë "Q"', "Bo ") == ZOE
    assert Subjects("author", "Bo") != ZOE
    assert Subjects("place", *ZOE.values) != ZOE


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_none_or_too_many_are_refused(count: int) -> None:
    with pytest.raises(LakemintError, match=f"{count} data subjects; 1 to {MOST}"):
        Subjects("author", *map(str, range(count)))
