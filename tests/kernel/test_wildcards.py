"""Patterns with `*` fit what a regular expression of them fits, and no more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel.wildcards import fits

SHORT = st.text("ab/*", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("/usr/bin/bash", "/usr/bin/bash"),
        ("/usr/*", "/usr/lib/x/y"),
        ("*", ""),
        ("*.so", "/lib/a.so"),
        ("/lib/*/x*.so", "/lib/a/b/xyz.so"),
        ("a*a", "aa"),
    ],
)
def test_a_text_that_has_the_pieces_in_order_fits(pattern: str, text: str) -> None:
    assert fits(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("", "a"), ("/usr/*", "/usr"), ("a*a", "a"), ("*b*b*", "ab"), ("/USR/*", "/usr/x")],
)
def test_a_text_that_lacks_one_does_not(pattern: str, text: str) -> None:
    assert not fits(pattern, text)


@given(SHORT, SHORT)
def test_patterns_mean_what_a_regular_expression_says(pattern: str, text: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert fits(pattern, text) == (re.fullmatch(expression, text, re.DOTALL) is not None)
