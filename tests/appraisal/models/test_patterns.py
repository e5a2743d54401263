import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.models.patterns import Pattern, check_name, read_pattern
from lotabots.kernel import LotaError


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("acme/llama", "acme/llama", True),
        ("acme/llama", "acme/llama-8b", False),
        ("acme/llama*", "acme/llama", True),
        ("acme/*", "acme/x", True),
        ("acme/*", "acme2/x", False),
        ("*/*", "acme/x", True),
        ("acme*/x", "acme-labs/x", True),
        ("acme/*-8b", "acme/llama-8b", True),
        ("acme/*-8b", "acme/llama-8b-it", False),
        ("acme/a*a", "acme/a", False),
        ("acme/*ab*ab", "acme/xab-ab", True),
        ("acme/*ab*ab", "acme/ab", False),
        ("Acme/*", "acme/x", False),
        ("acme/l.ama", "acme/llama", False),
    ],
)
def test_a_pattern_stands_for_names(pattern: str, name: str, matches: bool) -> None:
    assert read_pattern(pattern).matches(name) is matches


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("acme/llama-8b", "acme/llama-*"),
        ("acme/llama-*", "acme/*"),
        ("acme/*", "acm*/llama-8b"),
        ("acme*/x", "a*/llama-8b"),
        ("acme/*", "*/llama-8b"),
        ("*/llama-8b", "*/*"),
    ],
)
def test_one_pattern_is_more_specific_than_another(more: str, less: str) -> None:
    assert read_pattern(more).specificity > read_pattern(less).specificity


def test_two_patterns_with_as_many_characters_are_equally_specific() -> None:
    assert read_pattern("acme/*-8b").specificity == read_pattern("acme/ll*a").specificity


@pytest.mark.parametrize(
    "text",
    ["", "acme", "a/b/c", "/x", "x/", "a/**", "a/b c", "a/[bc]", "a/*b*c*d*e*", "ä/x", "a/b\n"],
)
def test_a_text_that_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(LotaError, match="MODEL_POLICY_MALFORMED"):
        read_pattern(text)


@pytest.mark.parametrize(
    "name", ["", "acme", "acme/", "acme/../x", ".a/b", "a/b/c", "a/b\n", "a/*", "a/" + "b" * 97]
)
def test_a_text_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LotaError, match="MODEL_NAME_MALFORMED"):
        check_name(name)


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=10))
def test_a_pattern_matches_as_the_regular_expression_does(pattern: str, name: str) -> None:
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None
    assert Pattern(f"o/{pattern}").matches(f"o/{name}") is expected
