"""What was judged of a boot is carried while its registers have those very values, all of them."""

from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Facts, TpmState
from lotabots.evidence.schemes.tpm import boot_of
from lotabots.evidence.schemes.tpm.carried import carried

VALUES = {number: bytes([number]) * 32 for number in (*range(11), 14)}


def facts(values: dict[int, bytes], bad: tuple[int, ...] = ()) -> Facts:
    return {
        "pcrs": {
            str(number): {"status": "unjudged" if number in bad else "match", "value": value.hex()}
            for number, value in values.items()
        }
    }


def state(given_: Facts) -> TpmState:
    pcrs, digest = boot_of(given_)
    return TpmState(reset_count=1, restart_count=0, clock=1, boot_pcrs=pcrs, boot_digest=digest)


def test_all_registers_of_the_boot_are_carried_and_none_of_the_running_system() -> None:
    assert carried(state(facts(VALUES)), VALUES) == {*range(10), 14}


def test_what_was_not_judged_good_is_not_carried() -> None:
    assert carried(state(facts(VALUES, bad=(4, 7))), VALUES) == {0, 1, 2, 3, 5, 6, 8, 9, 14}


@given(st.sampled_from([*range(10), 14]), st.binary(min_size=32, max_size=32))
def test_another_value_of_one_register_carries_nothing(number: int, value: bytes) -> None:
    held = carried(state(facts(VALUES)), VALUES | {number: value})
    assert held == (frozenset() if value != VALUES[number] else {*range(10), 14})


@given(st.sampled_from([*range(10), 14]))
def test_a_register_that_was_not_quoted_carries_nothing(number: int) -> None:
    quoted = {one: value for one, value in VALUES.items() if one != number}
    assert carried(state(facts(VALUES)), quoted) == frozenset()


def test_two_registers_that_changed_places_carry_nothing() -> None:
    swapped = VALUES | {2: VALUES[3], 3: VALUES[2]}
    assert carried(state(facts(VALUES)), swapped) == frozenset()


def test_without_a_state_or_with_a_strange_one_nothing_is_carried() -> None:
    empty = TpmState(reset_count=1, restart_count=0, clock=1)
    assert carried(None, VALUES) == carried(empty, VALUES) == frozenset()
    strange = TpmState(
        reset_count=1, restart_count=0, clock=1, boot_pcrs=(10,), boot_digest="ab" * 32
    )
    assert carried(strange, VALUES) == frozenset()


@given(st.dictionaries(st.sampled_from(["pcrs", "x"]), st.none() | st.text() | st.integers()))
def test_facts_of_any_shape_carry_nothing_or_what_they_say(given_: dict[str, object]) -> None:
    assert boot_of(given_) == ((), "")  # type: ignore[arg-type]
