"""What people say of what they do, as records keep it: one line, of bounded length."""

from typing import Final

from lakemint.errors import LakemintError

MAX_BY: Final = 100
"""Characters of who did something."""
MAX_REASON: Final = 500
"""Characters of why."""


def check_words(by: str, reason: str = "") -> None:
    """Raises LakemintError for words that are no short printable line, or name nobody."""
    for what, text, longest in (("name", by, MAX_BY), ("reason", reason, MAX_REASON)):
        if len(text) > longest or not text.isprintable():
            raise LakemintError(f"the {what} {text[:40]!r}: write one line of at most {longest} characters")
    if not by.strip():
        raise LakemintError("nobody does it: name who does")
