import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.cel import compile_condition
from lotabots.appraisal.syntax import MAX_BRACKETS, MAX_TOKENS
from lotabots.kernel import LotaError

REFUSED = [
    "true",
    "1 == 1",
    "[].all(i, true)",
    "gpu",
    "size(gpu) > 0",
    "missing || gpu.x == 1",
    "node.gpus == 1",
    "foo(gpu.x)",
    "gpu.x.foo()",
    "gpu.x.matches('a*')",
    "gpu.x * 2 == 2",
    "gpu.x / 2 == 2",
    "gpu.x % 2 == 2",
    "gpu.x == 1.5",
    "gpu.x == 0x10",
    "gpu.x == 1u",
    "gpu.x == b'abc'",
    "gpu.x == r'abc'",
    "gpu.x == '''abc'''",
    r"gpu.x == '\x41'",
    "gpu.x == 1 // and so on",
    "gpu.x == {'a': 1}",
    "gpu.?x == 1",
    "gpu[?'x'] == 1",
    "gpu.`x` == 1",
    "gpu.x[gpu.y] == 1",
    "gpu.l[0] == 1",
    "(gpu.x).y == 1",
    "gpu.all(i, i == 1)",
    "gpu.l.all(gpu, gpu == 1)",
    "gpu.l.all(i, gpu.l.all(j, i == j))",
    "gpu.l.all(i, i.name == 'a')",
    "gpu.l.all(",
    "gpu.",
    "gpu[",
    ".x",
    "gpu.x ==",
    "gpu.x == 'é",
    " && ".join(f"gpu.{name} == 1" for name in "abcdefg"),
    "gpu.x in [" + ",".join(str(number) for number in range(17)) + "]",
    "",
]


@pytest.mark.parametrize("source", REFUSED)
def test_a_condition_outside_the_language_is_refused(source: str) -> None:
    with pytest.raises(LotaError) as refusal:
        compile_condition(source, "gpu")
    assert refusal.value.code == "POLICY_CONDITION_REFUSED"


@pytest.mark.parametrize(
    ("source", "claims"),
    [
        ("gpu.rim.driver.status == 'valid'", [("rim", "driver", "status")]),
        ('gpu["rim"].driver == "x"', [("rim", "driver")]),
        ("!(gpu.mode in ['spt', 'mpt'])", [("mode",)]),
        ("gpu.driver.startsWith('550.') && size(gpu.l) == 0", [("driver",), ("l",)]),
        ("gpu.l.all(i, i > 1) && size(gpu.l) > 0", [("l",)]),
        ("gpu.n == 1 ? gpu.t == 'a' : gpu.t == \"b's\"", [("n",), ("t",)]),
        ("has(gpu.x) && gpu.x == -1", [("x",)]),
    ],
)
def test_a_condition_names_its_claims(source: str, claims: list[tuple[str, ...]]) -> None:
    assert list(compile_condition(source, "gpu").claims) == claims


def test_twenty_thousand_terms_are_refused_before_anything_compiles_them() -> None:
    with pytest.raises(LotaError, match="4096 bytes"):
        compile_condition("gpu.x == " + "1+" * 20_000 + "1", "gpu")


def test_a_condition_at_the_limits_compiles_and_one_beyond_does_not() -> None:
    words = (MAX_TOKENS - 5) // 2
    longest = "gpu.x == 1" + "+1" * words
    compile_condition(longest, "gpu")
    with pytest.raises(LotaError, match="words"):
        compile_condition(longest + "+1", "gpu")
    deepest = "(" * MAX_BRACKETS + "gpu.x" + ")" * MAX_BRACKETS + " == 1"
    compile_condition(deepest, "gpu")
    with pytest.raises(LotaError, match="nest deeper"):
        compile_condition(f"({deepest})", "gpu")


def refusal_of(source: str) -> str | None:
    try:
        compile_condition(source, "gpu")
    except LotaError as error:
        return error.code
    return None


@given(st.text(max_size=200))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    assert refusal_of(source) in {None, "POLICY_CONDITION_REFUSED"}


WORDS = ("gpu", ".", "x", "[", "]", "(", ")", "'a'", "1", "==", "&&", "||", "!", "?", ":", ",")
MORE_WORDS = ("in", "all", "exists", "has", "size", "i", "-", "+", "true", "null", "map", "string")


@given(st.lists(st.sampled_from(WORDS + MORE_WORDS), max_size=30))
def test_any_words_of_the_language_compile_or_are_refused(words: list[str]) -> None:
    assert refusal_of(" ".join(words)) in {None, "POLICY_CONDITION_REFUSED"}
