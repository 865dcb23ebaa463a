"""What passes is harmless in Spark's engine, a backtracking one; so is Python's, which stands in for it."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.dataset.pattern import pattern_problem


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z]+$",
        "(ab)+",
        r"(a+)?b*",
        r"^\w+@\w+\.\w+$",
        "[]a]+",
        "[^]a]+",
        r"\(a+\)+",
        "(a+){1}",
        r"[\]a(]+",
    ],
)
def test_usual_patterns_pass(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|aa)+$",
        "(a*)*",
        "((a+))+",
        "([a-z]{2,})*",
        "(a?){50}",
        "(a+){2,}",
        "(x+x+)+y",
        "(a{1,9}){1,99}",
    ],
)
def test_a_repeat_of_what_repeats_is_refused(pattern: str) -> None:
    assert "can take forever" in str(pattern_problem(pattern))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(?=a)b", "RE2 syntax"),
        (r"(a)\1", "RE2 syntax"),
        ("(", "RE2 syntax"),
        ("[[:alpha:]]", "different engines"),
        (r"\Q(\E+", "different engines"),
        ("a" * 501, "longer than 500"),
        ("a*" * 7 + "b", "more than 6 open repeats"),
    ],
)
def test_syntax_that_engines_do_not_share_is_refused(pattern: str, told: str) -> None:
    assert told in str(pattern_problem(pattern))


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab()|*+?{}2,[]\\", max_size=14))
def test_what_passes_is_quick_on_a_text_made_to_hurt(pattern: str) -> None:
    if pattern_problem(pattern) is not None:
        return
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    began = time.perf_counter()
    compiled.search("a" * 28 + "!")
    assert time.perf_counter() - began < 1
