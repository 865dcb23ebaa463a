"""What passes is RE2, which no text can keep busy."""

import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.dataset.pattern import pattern_problem


@pytest.mark.parametrize(
    "pattern", [r"^[a-z]+$", "(ab)+", r"^\w+@\w+\.\w+$", "[]a]+", "(a+)+b", "[[:alpha:]]", "a*" * 7 + "b"]
)
def test_usual_patterns_pass(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(?=a)b", "RE2 syntax"),
        (r"(a)\1", "RE2 syntax"),
        ("(", "RE2 syntax"),
        ("\ud800", "cannot be used"),
        ("a" * 501, "longer than 500"),
        ("((a{100}){100}){100}", "cannot be used"),
    ],
)
def test_what_re2_does_not_know_is_refused(pattern: str, told: str) -> None:
    assert told in str(pattern_problem(pattern))


@settings(max_examples=400)
@given(st.text(alphabet=r"ab()|*+?{}2,[]\.", max_size=30))
def test_what_passes_is_quick_on_a_text_made_to_hurt(pattern: str) -> None:
    if pattern_problem(pattern) is not None:
        return
    text = pa.array(["a" * 10_000 + "!"])
    began = time.perf_counter()
    pc.match_substring_regex(text, pattern)
    assert time.perf_counter() - began < 1
