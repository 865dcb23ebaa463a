"""Data subjects: those who gave some of the data, and may have it erased."""

import unicodedata
from functools import cached_property

from lakemint.errors import LakemintError

MOST = 100
"""Subjects at once: each is looked for in all bytes that nobody could read."""
LONGEST = 512
"""Characters of a subject's value."""


class Subjects:
    """Whom an erasure is about. Never shown: their values stay out of messages, logs and records."""

    def __init__(self, column: str, *values: str) -> None:
        """`column` names who gave a record, by the contract; `values` are those that name the subjects.

        Raises LakemintError for a value that names nobody or is too long, and for none or too many.
        """
        self.column, self.values = column, values
        if not 1 <= len(values) <= MOST:
            raise LakemintError(f"{len(values)} data subjects; 1 to {MOST} can be erased at once")
        for value in values:
            if not plain(value):
                raise LakemintError(
                    "a data subject without a name: all records that name nobody would be erased"
                )
            if len(value) > LONGEST:
                raise LakemintError(f"a data subject's name of {len(value):,} characters; {LONGEST} at most")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise LakemintError("the data subject's name is no text: write it in UTF-8")

    @cached_property
    def plain(self) -> frozenset[str]:
        """Their values in the one form in which values are compared."""
        return frozenset(map(plain, self.values))

    def is_named(self, text: str | None) -> bool:
        """Whether a value names one of them; white space and Unicode's forms make no difference."""
        return text is not None and plain(text) in self.plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subjects) and (self.column, self.plain) == (other.column, other.plain)

    def __hash__(self) -> int:
        return hash((self.column, self.plain))

    def __repr__(self) -> str:
        return f"<subjects in {self.column}>"


def plain(text: str) -> str:
    """Unicode NFKC, each run of white space one space, none at the ends.

    NFKC, since a recipe may bring a column into that form: what is one name in silver must be one in raw.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())
