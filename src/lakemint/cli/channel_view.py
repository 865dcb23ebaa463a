"""Channels on a terminal."""

from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lakemint.cli.card_view import short
from lakemint.published.words import MAX_REASON

_WHO = {"by": "by", "reason": "reason"}


def all_channels(entries: list[dict[str, Any]]) -> RenderableType:
    """The table of a dataset's channels."""
    return _table({"channel": "channel", "version": "name", "since": "moved_at", **_WHO}, entries)


def one_channel(entries: list[dict[str, Any]]) -> RenderableType:
    """The table of one channel's positions."""
    return _table({"version": "name", "since": "moved_at", "as a": "kind", **_WHO}, entries)


def _table(columns: dict[str, str], entries: list[dict[str, Any]]) -> Table:
    """Heading → field of the entries."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in columns:
        table.add_column(heading, no_wrap=heading in ("channel", "version"), overflow="fold")
    for entry in entries:
        # What people wrote is text: neither markup nor a command to the terminal.
        table.add_row(*(Text(short(entry[field], MAX_REASON)) for field in columns.values()))
    return table
