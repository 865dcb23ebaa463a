"""Data subjects' names in bytes that are no record, so that no column tells whose they are.

A name counts where it stands as a word: `42` is not in `1420`. It may be written in UTF-8, UTF-16,
Windows-1252 or Latin-1, composed or not, with the escapes of JSON and the doubled quotes of CSV.
"""

import json
import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from lakemint.subjects import Subjects, plain

CHANCE = 5
"""Bytes of the shortest name that is looked for in an object that nobody can read: any two bytes stand
somewhere in a picture."""
_WORD = (string.ascii_letters + string.digits + "_").encode()
_OTHER = b"[^0-9A-Za-z_]"
_BEFORE = rb"(?:[^0-9A-Za-z_]|\\[bfnrt]|\\u[0-9a-fA-F]{4})"
"""What stands before a word: no letter, or one that ends an escape of JSON."""
_FEW = 2
"""Letters that stand in any text."""
_AROUND = 7
"""Bytes that these take at most, on both sides."""
_HTML = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&'"})
"""What writers of JSON escape that may stand in a page."""


class Sightings:
    """Looks for the names in bytes."""

    def __init__(self, subjects: Subjects, least: int = 0) -> None:
        """`least`: names of fewer bytes in UTF-8 are not looked for."""
        values = [value for value in subjects.values if len(plain(value).encode()) >= least]
        spellings = {spelling for value in values for spelling in _spellings(value)}
        self._sought: dict[bytes, list[tuple[bytes, re.Pattern[bytes]]]] = defaultdict(list)
        for spelling in sorted(spellings):
            self._sought[_core(spelling)].append((spelling, _word(spelling)))
        self.reach = max((len(spelling) + _AROUND for spelling in spellings), default=0)
        """Bytes that a name and what stands around it take at most; 0 when nothing is looked for."""

    def are_in(self, text: bytes) -> bool:
        """Whether a text holds a name: one at its very edge is none, since it may go on there."""
        return any(
            spelling in text and word.search(text)
            for core, words in self._sought.items()
            if core in text
            for spelling, word in words
        )


@lru_cache(maxsize=8)
def sightings(subjects: Subjects, least: int = 0) -> Sightings:
    """Of the same subjects the same ones."""
    return Sightings(subjects, least)


def _core(spelling: bytes) -> bytes:
    """A part that many spellings share, which spares looking for each of them."""
    longest: bytes = max(re.findall(rb"[0-9A-Za-z]*", spelling), key=len)
    return b"\0" if b"\0" in spelling else longest if len(longest) > _FEW else spelling


def _word(spelling: bytes) -> re.Pattern[bytes]:
    before = _BEFORE if spelling[0] in _WORD else b""
    behind = _OTHER if spelling[-1] in _WORD else b""
    return re.compile(before + re.escape(spelling) + behind)


def _spellings(value: str) -> Iterator[bytes]:
    """The ways to write a name in bytes."""
    given = (value.strip(), " ".join(value.split()), plain(value))
    # Not every text is one of its own normal forms.
    normal = (unicodedata.normalize(form, one) for one in given for form in ("NFC", "NFD"))
    for text in {*given, *normal}:
        for written in _written(text):
            yield written.encode()
        for code in ("cp1252", "latin-1", "utf-16-le", "utf-16-be"):
            with suppress(UnicodeEncodeError):
                yield text.encode(code)


def _written(text: str) -> Iterator[str]:
    """As text, in CSV, and in JSON."""
    yield text
    yield text.replace('"', '""')
    for is_ascii in (True, False):
        inside = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        for way in (inside, inside.replace("/", "\\/"), inside.translate(_HTML)):
            yield way
            yield re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), way)
