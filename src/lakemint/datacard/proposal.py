"""What a person reads who is asked whether a version may be promoted: a short data card, in Markdown."""

from collections.abc import Iterator
from typing import Any, Final

from lakemint.config import Config
from lakemint.datacard.changes import changes
from lakemint.datacard.compose import gates
from lakemint.datacard.document import Block, Code, Document, Facts, Section, Text
from lakemint.datacard.facts import compared
from lakemint.datacard.markdown import markdown
from lakemint.names import Channel, Reference
from lakemint.published.card import card
from lakemint.published.opened import open_published

MAX_TEXT: Final = 5000
"""Characters, for labels and columns may be of any number and length."""


def proposal(
    config: Config, version: Reference, channel: Channel, before: Reference | None, reason: str
) -> tuple[str, str]:
    """The text, and the digest of the manifest that it tells of; `before` is where the channel stands.

    Raises VersionNotFound, VersionRevised, IntegrityError, SignatureError, FormatError, StoreError.
    """
    opened = open_published(config, version)
    found = card(config, version.dataset, version.number)
    since = compared(config, before, opened) if before else (None, f"{channel} is new.")
    asked = f"{channel} is to move {f'from {before} ' if before else ''}to {version}."
    sections = (
        Section("The version", tuple(_version(found))),
        Section("Gates", tuple(gates(found["verdicts"]))),
        Section(f"Since {before}" if before else "Since", tuple(changes(*since))),
        Section("More", (Code("console", f"$ lakemint version card {version}"),)),
    )
    document = Document(str(version), f"{asked} Why: {reason or 'no reason was given.'}", sections)
    return _cut(markdown(document)), str(found["digest"])


def _version(found: dict[str, Any]) -> Iterator[Block]:
    labels, score = found["labels"], found["baseline"]
    splits = ", ".join(f"{name} {split['rows']:,}" for name, split in found["splits"].items())
    alpha = labels.get("alpha")
    yield Facts(
        (
            ("digest", found["digest"]),
            ("rows", f"{found['counts']['published']:,} ({splits})"),
            ("published", found["published_at"]),
            *([("alpha", f"{alpha:.2f}")] if alpha is not None else []),
            *(
                [("baseline", f"{score['accuracy']:.1%}, the commonest label {score['majority']:.1%}")]
                if score
                else []
            ),
        )
    )
    if not score:
        yield Text("No baseline was trained on it.")


def _cut(text: str) -> str:
    """Whole lines, as many as fit."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT].rpartition(chr(10))[0]}\n\n… the rest is on the card.\n"
