"""Stored records read with plain checks: a training image has no pydantic."""

import json
import re
from typing import Any

from lakemint.errors import FormatError

_DIGEST = re.compile(r"[0-9a-f]{64}")


def parse_plain(data: bytes, where: str, kind: str, newest: int = 1) -> dict[str, Any]:
    """The record's plain content, of any of the formats 1 … newest; raises FormatError."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not JSON ({error})") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found not in [f"{kind}/{number + 1}" for number in range(newest)]:
        raise FormatError(
            f"{where}: its format is {found!r}, this Lakemint reads {kind}/{newest}; upgrade Lakemint"
        )
    return dict(content)


def plain_json(content: dict[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785), which Python itself writes for texts and whole numbers."""
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return plain.encode(errors="surrogatepass")


def digest(value: Any) -> str:
    """A hex sha256; raises ValueError, TypeError."""
    if not _DIGEST.fullmatch(value):
        raise ValueError(f"{value!r} is no sha256")
    return str(value)


def text(value: Any) -> str:
    """A text; raises TypeError, and ValueError for one that cannot be encoded."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()  # half a surrogate pair is none
    return value


def count(value: Any) -> int:
    """A whole number from 0; raises ValueError."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f"{value!r} is no count")
    return value


class Checked:
    """Turns what goes wrong when fields are missing or odd into FormatError, with the place named."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KeyError):
            raise FormatError(f"{self._where}: the field {error.args[0]!r} is missing") from error
        if isinstance(error, (TypeError, ValueError, AttributeError)):
            raise FormatError(f"{self._where}: malformed: {error}") from error
