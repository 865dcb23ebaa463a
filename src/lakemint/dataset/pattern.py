"""Which regular expressions a contract may hold: those of RE2, which matches in linear time.

Spark's own `rlike` is Java's engine, which tries every way to cut a text: `.*.*.*.*x` on a line of a book
does not end. So gates match with RE2 (through Arrow); what RE2 does not know is refused.
"""

MAX_LENGTH = 500


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, in words with the way out; None when it is fine."""
    if len(pattern) > MAX_LENGTH:
        return f"the pattern is longer than {MAX_LENGTH} characters; use validValues, or several rules"
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        return f"the pattern {pattern!r} cannot be used: {reason} (RE2 syntax: no look-around, no \\1)"
    return None
