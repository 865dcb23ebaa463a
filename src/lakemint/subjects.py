"""Data subjects: those who gave some of the data, and may have it erased."""

import json
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from lakemint.errors import LakemintError

MOST = 100
"""Subjects at once: each is looked for in all bytes that nobody could read."""


class Subjects:
    """Whom an erasure is about. Never shown: their values stay out of messages, logs and records."""

    def __init__(self, column: str, *values: str) -> None:
        """`column` names who gave a record, by the contract; `values` are those that name the subjects.

        Raises LakemintError for a value that names nobody, and for none or too many.
        """
        self.column, self.values = column, values
        if not 1 <= len(values) <= MOST:
            raise LakemintError(f"{len(values)} data subjects; 1 to {MOST} can be erased at once")
        for value in values:
            if not plain(value):
                raise LakemintError(
                    "a data subject without a name: all records that name nobody would be erased"
                )
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise LakemintError("the data subject's name is no text: write it in UTF-8")

    @cached_property
    def plain(self) -> frozenset[str]:
        """Their values in the one form in which values are compared."""
        return frozenset(map(plain, self.values))

    def is_named(self, text: str | None) -> bool:
        """Whether a value names one of them; white space and Unicode's forms make no difference."""
        return text is not None and plain(text) in self.plain

    @cached_property
    def spellings(self) -> tuple[bytes, ...]:
        """How the names may stand in bytes that are no record: composed or not, escaped or not."""
        return tuple(sorted({one for value in self.values for one in _spellings(value)}))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subjects) and (self.column, self.plain) == (other.column, other.plain)

    def __hash__(self) -> int:
        return hash((self.column, self.plain))

    def __repr__(self) -> str:
        return f"<subjects in {self.column}>"


def plain(text: str) -> str:
    """Unicode NFC, each run of white space one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _spellings(value: str) -> Iterable[bytes]:
    texts = {value.strip(), *(unicodedata.normalize(form, plain(value)) for form in ("NFC", "NFD"))}
    in_json = {json.dumps(text)[1:-1] for text in texts}
    in_csv = {text.replace('"', '""') for text in texts}
    return (text.encode() for text in texts | in_json | in_csv)
