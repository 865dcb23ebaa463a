"""The formats of raw objects: a byte stream in, records and problems out. Nothing is lost, nothing raises.

Every line is a record, a blank one too (it is quarantined): so what went in can be counted with `wc -l`.
A csv record may span lines; it bears the number of its first. Values become text: numbers and booleans of
JSON in one canonical way, nested values as JSON with sorted keys; JSON's null stays null.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, NoReturn

from lakemint.dataset.recipe import Source
from lakemint.ingest.lines import HEAD, LINE_LIMIT, Line, Look, read_lines

FILE_LIMIT = 64 * 1024 * 1024
"""Bytes of the largest object of format `file`: a row must fit several times into a Spark executor."""

_LINE_OVERHEAD = 100
"""What a held line costs besides its bytes: a quote that never ends must not hold millions of blank ones."""

_REREAD_LIMIT = 4 * LINE_LIMIT
"""Bytes of one csv object that are read again after quotes went wrong: a file made to hurt repeats itself."""

TEXT_ENDINGS = frozenset(
    {"", ".csv", ".data", ".json", ".jsonl", ".log", ".ndjson", ".tab", ".text", ".tsv", ".txt"}
)
_ENDING = re.compile(r"\.[a-z][a-z0-9]*$")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

Fields = dict[str, str | bytes | None]


@dataclass(frozen=True)
class Problem:
    """Why something cannot be read, `<kind>` or `<kind>: <detail>`, and its first bytes."""

    reason: str
    head: bytes


class _Unreadable(Exception):
    """A line's problem, on its way to quarantine."""


Parsed = tuple[int, Fields | Problem]
"""Line (from 1; 0: the whole object), and what is there."""


def parse(stream: IO[bytes], name: str, source: Source, look: Look | None = None) -> Iterator[Parsed]:
    """Read one raw object; `name` is its key after the source's prefix. `look` sees what lines are read of.

    Raises only what `stream.read` raises. Memory: a few times LINE_LIMIT or FILE_LIMIT at most.
    """
    if source.format == "file":
        yield _parse_file(stream, name, source)
        return
    gzipped, ending = encoding(name)
    if ending not in TEXT_ENDINGS:
        yield 0, Problem(f"unknown format: {ending}", stream.read(HEAD))
        return
    lines = read_lines(stream, gzipped, look=look)
    first = next(lines, None)
    if first is None:
        yield 0, Problem("empty object", b"")
        return
    queue = _Lines(first, lines)
    if source.format == "csv":
        yield from _parse_csv(queue, source.columns)
    else:
        yield from _parse_lines(queue, _SPLITTERS[source.format], source.columns)


def encoding(name: str) -> tuple[bool, str]:
    """Whether a name says gzip, and its ending without that: `a.TSV.gz` → True, `.tsv`."""
    base = name.rsplit("/", 1)[-1].lower()
    gzipped = base.endswith(".gz")
    match = _ENDING.search(base.removesuffix(".gz"))
    return gzipped, match[0] if match else ""


class _Lines:
    """Lines one by one, some of which can be put back."""

    def __init__(self, first: Line, rest: Iterator[Line]) -> None:
        self._back = deque([first])
        self._rest = rest

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._back.popleft() if self._back else next(self._rest)

    def put_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))


def _parse_lines(
    lines: Iterator[Line], split: Callable[[bytes, list[str]], Fields], columns: list[str]
) -> Iterator[Parsed]:
    for line in lines:
        data = line.data.removesuffix(b"\r")
        try:
            if line.problem or not data:
                raise _Unreadable(line.problem or "blank line")
            fields = _checked(split(data, columns))
            if line.number == 1:
                _require_no_header(fields)
        except _Unreadable as error:
            yield line.number, Problem(str(error), data[:HEAD])
        else:
            yield line.number, fields


def _require_no_header(fields: Fields) -> None:
    """A first line that says just the columns' names is a header, and no record."""
    if all(name == value for name, value in fields.items()):
        raise _Unreadable("header line")


def _checked(fields: Fields) -> Fields:
    """`fields`, if every text in it can be stored anywhere."""
    for value in fields.values():
        if isinstance(value, str):
            if "\0" in value:
                raise _Unreadable("NUL character")
            if not value.isascii():
                _check_encodable(value)
    return fields


def _check_encodable(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _Unreadable("bad encoding") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _Unreadable("bad encoding") from error


def _named(values: list[str], columns: list[str]) -> Fields:
    if len(values) != len(columns):
        raise _Unreadable(f"wrong column count: {len(values)} instead of {len(columns)}")
    return dict(zip(columns, values, strict=True))


def _split_tsv(data: bytes, columns: list[str]) -> Fields:
    return _named(_decoded(data).split("\t"), columns)


def _split_json(data: bytes, columns: list[str]) -> Fields:
    try:
        # Decoded as UTF-8 first: json itself would guess other encodings.
        value = json.loads(
            _decoded(data), object_pairs_hook=_object, parse_float=_number, parse_constant=_refuse
        )
        if not isinstance(value, dict):
            raise _Unreadable("not a JSON object")
        if value.keys() != set(columns):
            raise _Unreadable(_field_difference(value, columns))
        return {name: _text(value[name]) for name in columns}
    except RecursionError as error:
        raise _Unreadable("JSON nested too deep") from error
    except ValueError as error:
        raise _Unreadable("malformed JSON") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Unreadable("a JSON field twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise _Unreadable("malformed JSON")


def _number(text: str) -> int | float:
    """A JSON number with point or exponent: whole numbers that a double holds exactly as such."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Unreadable("number out of range")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _field_difference(value: dict[str, Any], columns: list[str]) -> str:
    for name in columns:
        if name not in value:
            return f"missing field: {name}"
    extra = min(value.keys() - set(columns))
    return f"unexpected field: {ascii(extra)[1:-1][:64]}"


def _text(value: Any) -> str | None:
    """A JSON value as text; strings as they are, null as None."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_SPLITTERS = {"tsv": _split_tsv, "jsonl": _split_json}


def _parse_csv(lines: _Lines, columns: list[str]) -> Iterator[Parsed]:
    """RFC 4180: quotes may hold commas, line breaks and doubled quotes.

    Where quotes go wrong, the record's first line is given up, and reading starts again at the next; after
    _REREAD_LIMIT bytes of that in one object, all lines are given up that the quotes went wrong over.
    """
    # Without this, Python's reader refuses fields over 128 KiB; records are bounded by LINE_LIMIT anyway.
    csv.field_size_limit(LINE_LIMIT)
    spare = _REREAD_LIMIT
    for first in lines:
        used: list[Line] = [first]
        try:
            fields = _csv_record(used, lines, columns)
        except _Unreadable as error:
            yield _unreadable(first, str(error))
        except csv.Error:
            yield _unreadable(first, "malformed CSV")
            spare -= sum(len(line.data) + _LINE_OVERHEAD for line in used[1:])
            if spare > 0:
                lines.put_back(used[1:])
            else:
                yield from (_unreadable(line, "malformed CSV") for line in used[1:])
        else:
            yield first.number, fields


def _unreadable(line: Line, reason: str) -> Parsed:
    return line.number, Problem(line.problem or reason, line.data.removesuffix(b"\r")[:HEAD])


def _csv_record(used: list[Line], more: Iterator[Line], columns: list[str]) -> Fields:
    """One record from the line in `used`, and as many more as its quotes ask for, which are added to it."""
    if used[0].problem or not used[0].data.removesuffix(b"\r"):
        raise _Unreadable(used[0].problem or "blank line")
    values = next(csv.reader(_csv_lines(used, more), strict=True))
    fields = _checked(_named(values, columns))
    if used[0].number == 1:
        _require_no_header(fields)
    return fields


def _csv_lines(used: list[Line], more: Iterator[Line]) -> Iterator[str]:
    # Bytes that are not UTF-8 become lone surrogates, so that they spoil their record and no other.
    size = len(used[0].data)
    yield used[0].data.decode(errors="surrogateescape") + "\n"
    for line in more:
        used.append(line)
        size += len(line.data) + _LINE_OVERHEAD
        if line.problem or size > LINE_LIMIT:
            raise csv.Error("the quote does not end")
        yield line.data.decode(errors="surrogateescape") + "\n"


def path_fields(name: str, source: Source) -> Fields | None:
    """What an object's name says by its source's `path`; None for one that does not fit."""
    if not source.path:
        return {}
    named = _path_pattern(source.path).fullmatch(name)
    return dict(named.groupdict()) if named else None


def _parse_file(stream: IO[bytes], name: str, source: Source) -> Parsed:
    fields = path_fields(name, source)
    data = stream.read(FILE_LIMIT + 1)
    try:
        if not data:
            raise _Unreadable("empty object")
        if len(data) > FILE_LIMIT:
            raise _Unreadable("object too large")
        if fields is None:
            raise _Unreadable(f"unknown format: not named like {source.path}")
        return 0, _checked({**fields, source.content: data})
    except _Unreadable as error:
        return 0, Problem(str(error), data[:HEAD])


@lru_cache
def _path_pattern(path: str) -> re.Pattern[str]:
    """`{digit}/{name}.png` as a regular expression; a name matches anything but a slash."""
    parts = _PLACEHOLDER.split(path)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )
