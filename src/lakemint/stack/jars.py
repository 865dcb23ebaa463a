"""Thin for the moment."""

from lakemint.stack.layout import Stack


def fetch_jars(stack: Stack) -> None:
    """The JARs."""
