"""Data cards in HTML: one page that needs nothing else, in which no text is anything but text."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given

from lakemint.datacard.document import Bars, Code, Document, Facts, Row, Section, Table, Text
from lakemint.datacard.page import page, write
from lakemint.datacard.plots import WIDTH, svg
from lakemint.errors import ExportError
from tests.unit.datacard.test_markdown import TEXT

OWN = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "th",
    "td",
}
OWN |= {"figure", "figcaption", "span", "i", "svg", "rect", "line", "text", "pre", "code"}


class Tags(HTMLParser):
    """Every tag, and every attribute that could fetch something."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetching: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetching += [
            name for name, _ in attrs if name in ("src", "href", "xlink:href") or name[:2] == "on"
        ]


def card(text: str) -> Document:
    bars = Bars(text, (text, text), (Row(text, (0.5, 1.5), (text, text)),), ((0.3, text),))
    blocks = (Text(text), Facts(((text, text),)), Table((text,), ((text,),)), Code("python", text), bars)
    return Document(text, text, (Section(text, blocks),))


@given(TEXT)
def test_no_text_is_anything_but_text(text: str) -> None:
    seen = Tags(page(card(text)))
    assert seen.tags == OWN
    assert seen.fetching == []
    ET.fromstring(svg(Bars(text, (text,), (Row(text, (0.1,), (text,)),), ((0.3, text),))))  # noqa: S314


def test_a_page_forbids_everything_from_elsewhere() -> None:
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page(card("x"))


def test_bars_are_as_long_as_their_shares_and_never_longer_than_the_scale() -> None:
    row = Row("a", (0.0, 0.25, 1.0, 7.0), ("", "", "", ""))
    drawn = ET.fromstring(svg(Bars("", ("w", "x", "y", "z"), (row,))))  # noqa: S314
    rails = [float(one.get("width", "")) for one in drawn if one.get("class") == "rail"]
    bars = [float(one.get("width", "")) for one in drawn if (one.get("class") or "").startswith("s")]
    assert [width / rails[0] for width in bars] == [0, 0.25, 1, 1]
    assert rails[0] < WIDTH


def test_a_long_label_is_cut_and_whole_in_its_tooltip() -> None:
    drawn = svg(Bars("", ("x",), (Row("a" * 60, (0.5,), ("",)),)))
    assert f"<title>{'a' * 60}</title>{'a' * 26}…</text>" in drawn


def test_a_page_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "card.html"
    write(place, "one")
    write(place, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["card.html"]
    assert place.read_text() == "two"
    with pytest.raises(ExportError, match=r"nowhere/card.html: No such file"):
        write(tmp_path / "nowhere" / "card.html", "x")
