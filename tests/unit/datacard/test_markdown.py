"""Data cards in Markdown: whatever text is in them means only itself."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lakemint.datacard.document import Bars, Code, Document, Facts, Row, Section, Table, Text
from lakemint.datacard.markdown import escaped, markdown
from lakemint.printable import printable

AWKWARD = (
    *(
        "<script>alert(1)</script>",
        "a | b",
        "![x](http://x/y.png)",
        "[x]: http://x",
        "# x",
        "- x",
        "1. x",
        "2) x",
    ),
    *(
        "> x",
        "`x`",
        "~~~",
        "---",
        "===",
        "***",
        "&amp;",
        "&#60;",
        "\\|",
        "http://x.y",
        "WWW.x.y",
        "a\n\n# b",
        "\x1b[31m",
    ),
    *("$x$", "    code", "_x_", "<!-- x", "+ x", "a@b.c", "", "\u202etxt"),
)
TEXT = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


class Seen(HTMLParser):
    """The tags of a page, and the texts of its cells, paragraphs and items."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts and data.strip():
            self.texts[-1] += data


def rendered(text: str) -> Seen:
    return Seen(MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(text))


def clean(text: str) -> str:
    return " ".join(printable(text).split())


@given(TEXT)
def test_text_means_only_itself_at_the_beginning_of_a_line(text: str) -> None:
    seen = rendered(escaped(text))
    assert seen.tags == (["p"] if clean(text) else [])
    assert "".join(seen.texts).strip() == clean(text)


@given(TEXT, TEXT)
def test_text_means_only_itself_in_a_table(one: str, other: str) -> None:
    document = Document("x", "x", (Section("x", (Table(("a", "b"), ((one, other),)),)),))
    seen = rendered(markdown(document))
    assert seen.tags == ["h1", "p", "h2", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert [text.strip() for text in seen.texts[-2:]] == [clean(one), clean(other)]


@given(TEXT, TEXT)
def test_text_means_only_itself_in_a_list_and_a_title(one: str, other: str) -> None:
    document = Document(f"x{one}", f"x{other}", (Section(f"x{one}", (Facts(((f"x{one}", other),)),)),))
    seen = rendered(markdown(document))
    assert seen.tags == ["h1", "p", "h2", "ul", "li"]
    wanted = clean(f"x{one} x{other} x{one} x{one}: {other}")
    assert "".join("".join(seen.texts).split()) == "".join(wanted.split())


def test_no_bare_address_becomes_a_link() -> None:
    linking = MarkdownIt("gfm-like", {"linkify": False})
    assert "<a" not in linking.render(escaped("http://x.y https://x.y www.x.y"))
    assert escaped("see HTTPS://x.y, www.x.y") == r"see HTTPS\://x.y, www\.x.y"


def test_a_card_is_read_without_being_rendered() -> None:
    bars = Bars(
        "How many", ("rows",), (Row("train", (0.5,), ("5 (50.0%)",)), Row("test", (0.0,), ("0 (0.0%)",)))
    )
    sections = (Section("Splits", (bars,)), Section("Open", (Code("python", "x"), Text("10 raw = 4 + 6"))))
    assert markdown(Document("notes@1", "To test.", sections)).splitlines() == [
        "# notes@1",
        "",
        "To test.",
        "",
        "## Splits",
        "",
        "How many",
        "",
        "|  | rows |",
        "| --- | --- |",
        "| train | ████████ 5 (50.0%) |",
        "| test | 0 (0.0%) |",
        "",
        "## Open",
        "",
        "```python",
        "x",
        "```",
        "",
        "10 raw = 4 + 6",
    ]
