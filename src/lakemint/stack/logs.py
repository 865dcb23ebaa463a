"""The servers' logs: their ends, and what comes next."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

_BLOCK = 64 * 1024
_TROUBLE = re.compile(r"(?i:error|fatal|exception|panic|denied)|^F\d{4} ")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file, from at most its last 64 KiB a hundred lines; [] when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _BLOCK * (1 + lines // 100)))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines else []


def telling(path: Path) -> list[str]:
    """The last lines that sound like trouble; the very last ones, when none does."""
    lines = [line.rstrip() for line in tail(path, 200)]
    trouble = [line for line in lines if _TROUBLE.search(line) and not line[:1].isspace()]
    return [line[:300] for line in (trouble[-5:] or lines[-10:])]


def follow(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Whole lines written from now on, for ever; a file that is rotated or not there yet is no matter."""
    return _follow({path: path.stat().st_size if path.exists() else 0 for path in paths})


def _follow(places: dict[Path, int]) -> Iterator[tuple[Path, str]]:
    while True:
        for path, known in list(places.items()):
            for line, place in _lines_from(path, known):
                places[path] = place
                yield path, line
        time.sleep(0.3)


def _lines_from(path: Path, place: int) -> Iterator[tuple[str, int]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if file.seek(0, 2) < place:  # rotated: begin again
            place = 0
        file.seek(place)
        for line in file:
            if not line.endswith(b"\n"):
                return
            place += len(line)
            yield line.decode(errors="replace").rstrip("\n"), place
