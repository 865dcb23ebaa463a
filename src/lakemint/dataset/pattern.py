"""Which regular expressions a contract may hold: those no text can make slow.

Spark matches with Java's engine, which tries every way to cut a text: `(a+)+b` on forty letters never ends.
What is let through has linear engines' syntax (RE2: no back-references, no look-around) and repeats nothing
that itself may match in several ways; the steps then grow with a power of the text's length, at worst.
"""

import re

MAX_LENGTH = 500
MAX_REPEATS = 6
"""Each open repeat may raise the power by one."""

_TOKEN = re.compile(r"\\.|\[\^?\]?+(?:\\.|[^\]\\])*\]|\(\??|[*+?]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
"""An escape, a class, the start of a group, a repeat, or any other character."""
_ENDLESS = re.compile(r"[*+]|\{\d+,\}")
"""A repeat without an upper bound."""
_AGAIN = re.compile(r"[*+]|\{(?!0,1\}|1\})")
"""A repeat that may take what stands before it twice."""


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, in words with the way out; None when it is fine."""
    if len(pattern) > MAX_LENGTH:
        return f"the pattern is longer than {MAX_LENGTH} characters; use validValues, or several rules"
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(_ENDLESS.findall(re.sub(r"\\.", "", pattern))) > MAX_REPEATS:
        return (
            f"the pattern {pattern!r} has more than {MAX_REPEATS} open repeats (* or +); write {{0,20}} for *"
        )
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        return f"the pattern {pattern!r} cannot be used: {reason} (RE2 syntax: no look-around, no \\1)"
    return _ambiguous_repeat(pattern)


def _ambiguous_repeat(pattern: str) -> str | None:
    """A repeated group that holds a repeat or an alternative, or syntax the two engines read differently."""
    ambiguous = [False]
    """For each open group, outermost first: may what stands in it match in several ways?"""
    for found in _TOKEN.finditer(pattern):
        part = found[0]
        if part in ("\\Q", "\\C") or "[" in re.sub(r"\\.", "", part[1:]):
            return (
                f"the pattern {pattern!r} means different things to different engines at {part!r}; escape it"
            )
        if part.startswith("("):
            ambiguous.append(False)
        elif part == ")":
            closed = ambiguous.pop()
            ambiguous[-1] |= closed
            if closed and _AGAIN.match(pattern, found.end()):
                return (
                    f"the pattern {pattern!r} repeats a group that repeats or chooses inside, which can take "
                    "forever; write one repeat, like [ab]+ for (a|b)+"
                )
        elif part == "|" or part[0] in "*+?{":
            ambiguous[-1] = True
    return None
