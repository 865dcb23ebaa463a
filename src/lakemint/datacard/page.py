"""A data card as one HTML page that needs nothing else: no script, no font, no image from anywhere."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from lakemint.datacard.document import Document
from lakemint.datacard.plots import svg
from lakemint.errors import ExportError
from lakemint.printable import printable


def page(document: Document) -> str:
    """The page; everything that comes from data is escaped by the template's own rules."""
    return _template().render(card=document)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clean"] = printable
    environment.filters["svg"] = svg
    environment.filters["kind"] = lambda block: type(block).__name__
    source = files("lakemint.datacard").joinpath("page.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(source)


def write(path: Path, content: str) -> None:
    """Write or overwrite a page; half of one is never there. Raises ExportError."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from error
