"""Every mistake in a document at once: what is told is mended in a copy, so that what it hid shows, too.

Pydantic checks a part as a whole only when its fields are right, and the whole only when its parts are.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any, Final, TypeVar

from pydantic import ValidationError

Made = TypeVar("Made")
Place = tuple[str | int, ...]

_NUMBERS: Final = ("int_", "float_", "greater_than", "less_than")
"""Kinds of mistakes in numbers; 1 is one that most fields can be."""


class Mending(dict[str, Any]):
    """A copy of a document, mended as far as its mistakes are known."""

    def __init__(self, content: Mapping[str, Any], fields: Iterable[str], needed: Collection[str]) -> None:
        """`fields`: all names that fields have anywhere. `needed`: parts that others depend on."""
        super().__init__(deepcopy(dict(content)))
        self._fields, self._needed = sorted(fields), needed
        self._doubted: set[Place] = set()
        """What may be wrong only because of something that was told."""
        self._renamed: set[Place] = set()
        """Fields that were of another name, each once: two that no part has could be like each other."""
        self._spoiled = False
        """Whether something is missing that others depend on."""

    def read(self, make: Callable[[Mapping[str, Any]], Made]) -> tuple[Made | None, list[str]]:
        """What `make` makes of it, None when a mistake spoils all; and each mistake once, with its field."""
        told: list[str] = []
        while True:
            try:
                made = make(self)
                return (None if self._spoiled else made), told
            except ValidationError as error:
                problems = error.errors()
            meant = {self._meant(problem["loc"]) for problem in problems if _is_unknown(problem)}
            known = self._doubted | meant
            fresh = [one for one in problems if one["loc"] not in known and not self._is_renamed(one)]
            told += [self._words(problem) for problem in fresh]
            # From behind, so that places in lists stay what they are.
            if not any([self._mend(problem) for problem in reversed(problems)]):
                return None, told

    def _words(self, problem: Any) -> str:
        field = ".".join(str(part) for part in problem["loc"]) or "recipe"
        if not _is_unknown(problem):
            return f"{field}: {problem['msg'].removeprefix('Value error, ')}"
        meant = self._meant(problem["loc"])
        return f"{field}: no such field{f'; did you mean {meant[-1]!r}?' if meant else ''}"

    def _meant(self, place: Place) -> Place:
        """The place of the field that was meant by an unknown one's; empty when there is none like it."""
        others = [name for name in self._fields if name != place[-1]]
        close = difflib.get_close_matches(str(place[-1]), others, n=1)
        return (*place[:-1], close[0]) if close else ()

    def _mend(self, problem: Any) -> bool:
        """Whether anything was changed."""
        place: Place = problem["loc"]
        holder = self._at(place[:-1])
        if not place or problem["type"] == "missing" or holder is None:
            self._doubted.add(place)
            return False
        if _is_unknown(problem):
            value, meant = holder.pop(place[-1]), self._meant(place)
            if meant and meant[-1] not in holder and place not in self._renamed:
                holder[meant[-1]] = value
                self._renamed.add(meant)
            return True
        self._doubted |= {place, place[:-1]}
        if (instead := _stand_in(problem)) not in (None, holder[place[-1]]):
            holder[place[-1]] = instead
            return True
        del holder[place[-1]]
        if place[0] in self._needed:
            self._spoiled = True
        return True

    def _is_renamed(self, problem: Any) -> bool:
        """Whether it is of a field that the name which was meant does not suit either."""
        return _is_unknown(problem) and problem["loc"] in self._renamed

    def _at(self, place: Place) -> Any:
        """The mapping or list there, None where there is none."""
        found: Any = self
        for part in place:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found if isinstance(found, dict | list) else None


def _is_unknown(problem: Any) -> bool:
    return bool(problem["type"] == "extra_forbidden")


def _stand_in(problem: Any) -> str | int | None:
    """A value that is no mistake there, so that what depends on it can be checked; None for most kinds."""
    if problem["type"] == "literal_error":
        return str(re.findall(r"'([^']*)'", problem["ctx"]["expected"])[0])
    return 1 if problem["type"].startswith(_NUMBERS) else None
