"""Plots as SVG, drawn by a pure function; whatever text is in them is escaped."""

from typing import Final

from markupsafe import Markup

from lakemint.datacard.document import Bars, Row
from lakemint.printable import printable

WIDTH: Final = 720
"""All sizes are in units of the SVG's own, which are pixels unless it is scaled."""
_LABEL, _TOLD = 190, 130
"""Of the width, what is left for labels at the left and for what is told at the right."""
_SCALE = WIDTH - _LABEL - _TOLD
_BAR, _GAP, _MARGIN = 15, 9, 4
_LETTERS = 27
"""Of a label that are shown; the rest is in its tooltip."""


def svg(bars: Bars) -> Markup:
    """Grouped horizontal bars, a group a row; colours and fonts are the page's, by class."""
    group = _BAR * max(1, len(bars.series)) + _GAP
    top = _MARGIN + (18 if bars.marks else 0)
    height = top + group * len(bars.rows) + _MARGIN
    body = Markup("").join(_row(row, top + group * index) for index, row in enumerate(bars.rows))
    marks = Markup("").join(_mark(place, told, height) for place, told in bars.marks)
    return Markup(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{told}">{body}</svg>'
    ).format(w=WIDTH, h=height, told=_clean(bars.caption), body=body + marks)


def _row(row: Row, top: int) -> Markup:
    """The label once, and under each other a bar for each series with what it tells."""
    label = _clean(row.label)
    short = label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"
    middle = top + _BAR * len(row.shares) / 2 + 4
    text = Markup('<text x="{x}" y="{y}" class="label"><title>{full}</title>{short}</text>').format(
        x=_LABEL - 8, y=round(middle, 1), full=label, short=short
    )
    return text + Markup("").join(
        _bar(share, told, series, top + _BAR * series)
        for series, (share, told) in enumerate(zip(row.shares, row.told, strict=True))
    )


def _bar(share: float, told: str, series: int, top: int) -> Markup:
    length = round(max(0.0, min(1.0, share)) * _SCALE, 1)
    return Markup(
        '<rect x="{x}" y="{top}" width="{scale}" height="{high}" class="rail"/>'
        '<rect x="{x}" y="{top}" width="{length}" height="{high}" class="s{series}"/>'
        '<text x="{right}" y="{base}" class="told">{told}</text>'
    ).format(
        x=_LABEL,
        top=top + 1,
        scale=_SCALE,
        length=length,
        high=_BAR - 2,
        series=series % 4,
        right=_LABEL + _SCALE + 8,
        base=top + _BAR - 4,
        told=_clean(told),
    )


def _mark(place: float, told: str, height: int) -> Markup:
    x = round(_LABEL + place * _SCALE, 1)
    return Markup(
        '<line x1="{x}" y1="18" x2="{x}" y2="{bottom}" class="mark"/>'
        '<text x="{x}" y="13" class="mark">{told}</text>'
    ).format(x=x, bottom=height - _MARGIN, told=_clean(told))


def _clean(text: str) -> str:
    return " ".join(printable(text).split())
