"""A data subject: whoever gave some of the data, and may have it erased."""

import json
import unicodedata
from dataclasses import dataclass

from lakemint.errors import LakemintError


@dataclass(frozen=True)
class Subject:
    """Whom an erasure is about. Never shown: its value stays out of messages, logs and records.

    Raises LakemintError for a value that names nobody.
    """

    column: str
    """The column that names who gave a record, by the contract."""
    value: str

    def __post_init__(self) -> None:
        if not plain(self.value):
            raise LakemintError("a data subject without a name: all records that name nobody would be erased")
        if any("\ud800" <= character <= "\udfff" for character in self.value):
            raise LakemintError("the data subject's name is no text: write it in UTF-8")

    @property
    def plain(self) -> str:
        """Its value in the one form in which values are compared."""
        return plain(self.value)

    def is_named(self, text: str | None) -> bool:
        """Whether a value names this one; white space and Unicode's forms make no difference."""
        return text is not None and plain(text) == self.plain

    @property
    def spellings(self) -> tuple[bytes, ...]:
        """How the name may stand in bytes that are no record: composed or not, escaped or not."""
        forms = (unicodedata.normalize(form, self.plain) for form in ("NFC", "NFD"))
        texts = {self.value.strip(), *forms}
        in_json = {json.dumps(text)[1:-1] for text in texts}
        in_csv = {text.replace('"', '""') for text in texts}
        return tuple(sorted(text.encode() for text in texts | in_json | in_csv))

    def __repr__(self) -> str:
        return f"<subject in {self.column}>"


def plain(text: str) -> str:
    """Unicode NFC, each run of white space one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())
