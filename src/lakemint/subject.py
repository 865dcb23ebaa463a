"""A data subject: whoever gave some of the data, and may have it erased."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Whom an erasure is about. Never shown: its value stays out of messages, logs and records."""

    column: str
    """The column that names who gave a record, by the contract."""
    value: str

    @property
    def plain(self) -> str:
        """Its value in the one form in which values are compared."""
        return plain(self.value)

    def is_named(self, text: str | None) -> bool:
        """Whether a value names this one; white space and Unicode's forms make no difference."""
        return text is not None and plain(text) == self.plain

    def __repr__(self) -> str:
        return f"<subject in {self.column}>"


def plain(text: str) -> str:
    """Unicode NFC, each run of white space one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())
