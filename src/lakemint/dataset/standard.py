"""Whether a document is an Open Data Contract, by the standard's own JSON Schema, in words for people."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """Where a document is no Open Data Contract."""

    at: Path
    meant: Path
    """The field that was meant by an unknown one's name; else as `at`."""
    text: str
    """The place in words, what is wrong and the way out."""


class Wrong:
    """The places of a document where something is wrong."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = {*paths}

    def at(self, *place: str | int) -> bool:
        return place in self._paths

    def below(self, *place: str | int) -> bool:
        """There, or anywhere in it."""
        return any(path[: len(place)] == place for path in self._paths)


def standard_problems(document: Mapping[str, Any], types: Mapping[str, str]) -> list[Problem]:
    """Where the document is no Open Data Contract. `types`: logical type → physical type, those to offer."""
    from jsonschema.validators import validator_for

    standard = _standard()
    errors = list(validator_for(standard)(standard).iter_errors(_typed(document, types)))
    found = [
        (error, Problem((*path, *field), (*path, *(meant or field)), f"{_join(place, field)}: {what}"))
        for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
        for path in [tuple(error.absolute_path)]
        for place in [_place(document, path)]
        for field, meant, what in _explain(error, place, types)
    ]
    slips = {problem.meant[:-1] for _, problem in found if problem.meant != problem.at}
    # What a field of another name stands for is not missing as well.
    return [
        one for error, one in found if error.validator not in ("required", "oneOf") or one.at not in slips
    ]


def _typed(document: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """The document with a logical type for each property, so that only the options of that one are asked for.

    A property without any is told elsewhere; whether its options are right cannot be said.
    """
    typed = deepcopy(dict(document))
    tables = typed["schema"] if isinstance(typed.get("schema"), list) else []
    logical = {physical: name for name, physical in types.items()}
    for properties in (table.get("properties") for table in tables if isinstance(table, dict)):
        for prop in properties if isinstance(properties, list) else ():
            if isinstance(prop, dict) and "logicalType" not in prop:
                if "physicalType" not in prop:
                    prop.pop("logicalTypeOptions", None)
                prop["logicalType"] = logical.get(str(prop.get("physicalType")).lower(), "string")
    return typed


def _explain(error: Any, place: str, types: Iterable[str]) -> Iterator[tuple[Path, Path, str]]:
    """The field below the place (none for the place itself), the one meant, what is wrong and the way out."""
    rule, value = error.validator, error.instance
    if rule in ("unevaluatedProperties", "additionalProperties"):
        allowed = set(error.schema.get("properties", {})) if rule == "additionalProperties" else _fields()
        # A part that is wrong in another way has its right fields called unexpected, too.
        for name in (name for name in value if name not in allowed):
            close = difflib.get_close_matches(name, sorted(allowed), n=1)
            yield (name,), tuple(close), f"no such field{_way_out(close, allowed)}"
    elif place.endswith(".logicalType"):
        yield (), (), unknown_type(value, types)
    elif ".quality[" in place and rule == "oneOf" and isinstance(value, dict):
        yield (), (), "say once what the number must be: mustBe, mustBeLessThan, mustBeBetween, …"
    else:
        yield (), (), _short(error.message)


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


def _way_out(close: Sequence[str], allowed: Iterable[str]) -> str:
    if close:
        return f"; did you mean {close[0]!r}?"
    known = sorted(allowed)
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


def _join(place: str, field: Path) -> str:
    return ".".join(str(part) for part in (place, *field) if part) or "contract"


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:200]} … {message[-80:]}"
