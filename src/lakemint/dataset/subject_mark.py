"""Which column of a contract says who gave a record."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lakemint.dataset.quality import Column
from lakemint.names import SAMPLE_ID, SOURCE

_SUBJECT: Final = "dataSubject"
"""The custom property of that column: the standard has no field for it."""


def subject_column(document: Mapping[str, Any], columns: Iterable[Column], problems: list[str]) -> str | None:
    """The column of silver marked as the data subject, adding to `problems` what is wrong with such marks.

    `document` is a contract as the standard wants it, `columns` are silver's.
    """
    silver = {column.name: column for column in columns}
    found: list[str] = []
    for place, name, value in _subject_marks(document):
        if value is not True:
            problems.append(f"{place}: {_SUBJECT} is {value!r}; write value: true, or take it out")
        elif name is None:
            problems.append(f"{place}: {_SUBJECT} belongs to a property of silver; move it there")
        elif name in (SAMPLE_ID, SOURCE):
            problems.append(f"{place}: the road makes {name} itself, it names nobody; mark another column")
        elif name in silver and silver[name].type != "string":
            problems.append(f"{place}: {_SUBJECT} needs a string, not {silver[name].type}; mark one of text")
        else:
            found.append(name)
    if len(found) > 1:
        problems.append(f"schema[silver]: {' and '.join(found)} are each {_SUBJECT}; mark one of them")
    return found[0] if found else None


def _subject_marks(document: Mapping[str, Any]) -> Iterator[tuple[str, str | None, object]]:
    """Place, name if it is a property of silver, and value of each mark."""
    items: list[tuple[str, str | None, Mapping[str, Any]]] = [("contract", None, document)]
    for table in document["schema"]:
        place = f"schema[{table['name']}]"
        items.append((place, None, table))
        for prop in table.get("properties", ()):
            name = prop["name"] if table["name"] == "silver" else None
            items.append((f"{place}.properties[{prop['name']}]", name, prop))
    for place, name, item in items:
        for custom in item.get("customProperties", ()):
            if custom["property"] == _SUBJECT:
                yield f"{place}.customProperties", name, custom["value"]
