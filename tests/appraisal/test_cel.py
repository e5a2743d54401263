import threading

import pytest

from lotabots.appraisal.cel import MAX_LIST, Scope, compile_condition, show_claims
from lotabots.evidence import Facts
from lotabots.kernel import LotaError


def holds(source: str, facts: Facts) -> bool | None:
    return compile_condition(source, "gpu").holds(Scope("gpu", facts))


def test_a_true_condition_passes_and_a_false_one_fails() -> None:
    assert holds("gpu.driver == '550.90.07'", {"driver": "550.90.07"}) is True
    assert holds("gpu.driver == '550.90.07'", {"driver": "535.86.09"}) is False


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("gpu.x", {"x": "true"}),
        ("gpu.x", {"x": 1}),
        ("gpu.x", {"x": ["true"]}),
        ("gpu.x + 'b'", {"x": "a"}),
        ("size(gpu.x)", {"x": [1]}),
        ("gpu.l.map(i, i > 0)", {"l": [1]}),
    ],
)
def test_a_result_that_is_no_truth_value_is_never_a_pass(source: str, facts: Facts) -> None:
    assert holds(source, facts) is None


@pytest.mark.parametrize(
    "source", ["gpu.x == 'a'", "!(gpu.x == 'a')", "gpu.x != 'a'", "gpu.x.y == 1", "gpu.x < 3"]
)
@pytest.mark.parametrize("facts", [{}, {"x": None}, {"y": 1}])
def test_a_missing_or_null_claim_cannot_be_judged(source: str, facts: Facts) -> None:
    assert holds(source, facts) is None


def test_claims_of_unlike_types_cannot_be_compared() -> None:
    assert holds("gpu.x < 3", {"x": "2"}) is None
    assert holds("gpu.x < 3", {"x": True}) is None


def test_arithmetic_beyond_64_bits_cannot_be_judged() -> None:
    step = "9007199254740991"
    source = f"gpu.x + {step} > 0" + f" && gpu.x + {step} > 0"
    assert holds(source, {"x": 2**53 - 1}) is True
    assert holds("int(gpu.x) > 0", {"x": "9" * 30}) is None


def test_what_the_library_would_misread_counts_as_missing() -> None:
    deep: Facts = {"x": 1}
    for _ in range(40):
        deep = {"x": deep}
    too_long: Facts = {"l": list(range(MAX_LIST + 1))}
    assert holds("size(gpu.l) > 0", too_long) is None
    assert holds("size(gpu.l) == 64", {"l": list(range(MAX_LIST))}) is True
    assert holds("gpu" + ".x" * 40 + " == 1", deep) is None
    assert holds("gpu.x == gpu.y", {"x": 2**64, "y": 2**64 + 1}) is None
    assert holds("gpu.x == gpu.y", {"x": 1.5, "y": 1.5}) is None  # type: ignore[dict-item]
    assert holds("size(gpu.x) > 0", {"x": "a" * 10_000}) is None


def test_one_condition_serves_many_threads() -> None:
    condition = compile_condition("gpu.x == 1", "gpu")
    wrong: list[int] = []

    def ask(value: int) -> None:
        scope = Scope("gpu", {"x": value})
        answers = {condition.holds(scope) for _ in range(500)}
        wrong.extend([value] * (answers != {value == 1}))

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_name_that_only_the_library_sees_is_refused() -> None:
    # A bound name outside its comprehension is a variable nobody provides: never a pass.
    assert holds("gpu.l.exists(i, i == 1) && i == 1", {"l": [1]}) is None
    with pytest.raises(LotaError):
        compile_condition("gpu.x == j", "gpu")


def test_what_was_measured_names_every_claim_of_the_rule() -> None:
    condition = compile_condition("gpu.a.b == 'x' && size(gpu.l) == 0", "gpu")
    assert show_claims(condition, {"a": {"b": "y"}}) == 'gpu.a.b = "y", gpu.l = missing'
