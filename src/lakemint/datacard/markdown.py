"""A data card as Markdown (CommonMark with tables); plots are bars of block characters."""

import re
from collections.abc import Iterable, Iterator

from lakemint.amounts import bar
from lakemint.datacard.document import Bars, Block, Code, Document, Facts, Table, Text
from lakemint.printable import printable

_BAR = 16
"""Characters of a full bar."""
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
"""What means something wherever it stands."""
_LEADING = re.compile(r"^()([-+#>=])|^(\d+)([.)])(?=\s|$)")
"""What means something where a line begins."""
_LINK = re.compile(r"(?i)(?<=http)(s?):(?=//)|(?<=www)()\.")
"""Where a bare address becomes a link."""


def markdown(document: Document) -> str:
    """The card."""
    lines = [f"# {escaped(document.title)}", "", escaped(document.lead), ""]
    for section in document.sections:
        lines += [f"## {escaped(section.title)}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Text that means only itself, on one line, whoever wrote it."""
    line = " ".join(printable(text).split())
    plain = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))
    apart = _LINK.sub(lambda found: f"{found[1] or ''}\\{found[0][-1]}", plain)
    return _LEADING.sub(lambda found: f"{found[1] or found[3] or ''}\\{found[2] or found[4]}", apart)


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        yield escaped(block.text)
    elif isinstance(block, Code):
        yield from (f"```{block.language}", block.text, "```")
    elif isinstance(block, Facts):
        yield from (f"- {escaped(name)}: {escaped(value)}" for name, value in block.rows)
    elif isinstance(block, Table):
        yield from _table(block.head, block.rows)
    else:
        yield from _bars(block)


def _bars(block: Bars) -> Iterator[str]:
    yield escaped(block.caption)
    yield ""
    rows = (
        (row.label, *(_cell(share, told) for share, told in zip(row.shares, row.told, strict=True)))
        for row in block.rows
    )
    yield from _table(("", *block.series), tuple(rows))


def _cell(share: float, told: str) -> str:
    return f"{bar(share, _BAR).rstrip()} {told}".strip()


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    yield _line(escaped(cell) for cell in head)
    yield _line("---" for _ in head)
    yield from (_line(escaped(cell) for cell in row) for row in rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
