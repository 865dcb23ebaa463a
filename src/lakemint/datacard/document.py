"""What a data card consists of, before it is Markdown or HTML: sections of facts, bars, tables and code."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Facts:
    """Names and what is so."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """One row of a plot: a label, and for each series a share of the scale and the text that tells it."""

    label: str
    shares: tuple[float, ...]
    """0 to 1."""
    told: tuple[str, ...]


@dataclass(frozen=True)
class Bars:
    """A plot of horizontal bars."""

    caption: str
    series: tuple[str, ...]
    """Their names; one alone needs no legend."""
    rows: tuple[Row, ...]
    marks: tuple[tuple[float, str], ...] = ()
    """Places on the scale, 0 to 1, that mean something, and what."""


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines to be copied."""

    language: str
    text: str


Block: TypeAlias = Facts | Bars | Table | Text | Code


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    title: str
    lead: str
    sections: tuple[Section, ...]
