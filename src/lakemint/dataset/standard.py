"""Whether a document is an Open Data Contract, by the standard's own JSON Schema, in words for people."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any


def standard_problems(document: Mapping[str, Any], types: Iterable[str]) -> Iterator[str]:
    """Where the document is no Open Data Contract, a line each. `types`: the logical types to offer."""
    from jsonschema.validators import validator_for

    standard = _standard()
    errors = list(validator_for(standard)(standard).iter_errors(document))
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        place = _place(document, error.absolute_path)
        yield from (f"{_join(place, field)}: {what}" for field, what in _explain(error, place, types))


def _explain(error: Any, place: str, types: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Field below the place ("" for the place itself), what is wrong with it and the way out."""
    rule, value = error.validator, error.instance
    if rule in ("unevaluatedProperties", "additionalProperties"):
        allowed = set(error.schema.get("properties", {})) if rule == "additionalProperties" else _fields()
        # A part that is wrong in another way has its right fields called unexpected, too.
        yield from (
            (name, f"no such field{_nearest(name, allowed)}") for name in value if name not in allowed
        )
    elif place.endswith(".logicalType"):
        yield "", unknown_type(value, types)
    elif (
        place.endswith("]") and rule == "required" and isinstance(value, dict) and "logicalType" not in value
    ):
        yield "", f"no type; write logicalType: one of {', '.join(types)}"
    elif ".quality[" in place and rule == "oneOf" and isinstance(value, dict):
        yield "", "say once what the number must be: mustBe, mustBeLessThan, mustBeBetween, …"
    else:
        yield "", _short(error.message)


def unknown_type(name: object, known: Iterable[str]) -> str:
    """The message for a type nobody knows."""
    return f"unknown type {name!r}; known: {', '.join(known)}"


@cache
def _standard() -> Mapping[str, Any]:
    """The standard's JSON Schema, as its own package ships it."""
    from importlib.resources import files

    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def _fields() -> frozenset[str]:
    """Every field the standard knows anywhere."""
    found: set[str] = set()
    rest: list[Any] = [_standard()]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            found.update(part.get("properties", {}))
            rest.extend(part.values())
        elif isinstance(part, list):
            rest.extend(part)
    return frozenset(found)


def _nearest(name: str, allowed: Iterable[str]) -> str:
    known = sorted(allowed)
    if close := difflib.get_close_matches(name, known, n=1):
        return f"; did you mean {close[0]!r}?"
    return f"; here can stand {', '.join(known)}" if len(known) < 10 else "; take it out"


def _place(document: Any, path: Iterable[str | int]) -> str:
    """`schema[gold].properties[text].logicalType`: items by their name where they have one."""
    place, value = "", document
    for part in path:
        value = value[part]
        if isinstance(part, int):
            name = value.get("name", part) if isinstance(value, dict) else part
            place += f"[{name}]"
        else:
            place = f"{place}.{part}" if place else part
    return place


def _join(place: str, field: str) -> str:
    return ".".join(part for part in (place, field) if part) or "contract"


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:200]} … {message[-80:]}"
