"""When the agent does what it does next."""

from hypothesis import given
from hypothesis import strategies as st

from lotabots.agent.pacing import (
    CEILING_SECONDS,
    LEAST_SECONDS,
    LONGEST_ASKED,
    back_off,
    renew_after,
    spread,
)

chances = st.floats(0, 1)


@given(st.floats(1, 86_400), chances)
def test_an_interval_is_a_tenth_shorter_or_longer_at_most(seconds: float, chance: float) -> None:
    assert 0.9 * seconds - 1e-6 <= spread(seconds, chance) <= 1.1 * seconds + 1e-6


def test_intervals_are_spread_over_the_whole_of_it() -> None:
    assert [spread(60, chance) for chance in (0, 0.5, 1)] == [54, 60, 66]


@given(st.floats(-10, 1), chances)
def test_an_interval_of_nothing_does_not_turn_in_circles(seconds: float, chance: float) -> None:
    assert spread(seconds, chance) >= LEAST_SECONDS


@given(st.integers(1, 10**9), chances, st.none() | st.floats(-1e6, 1e12), st.floats(1, 3600))
def test_a_wait_is_bounded_whatever_happened(
    failures: int, chance: float, asked: float | None, ceiling: float
) -> None:
    wait = back_off(failures, chance, asked, ceiling)
    assert LEAST_SECONDS <= wait <= LONGEST_ASKED + ceiling
    if asked is not None and 0 <= asked <= LONGEST_ASKED:
        assert wait >= asked  # what the server asked for is waited for


def test_the_bound_doubles_with_each_failure_until_the_ceiling() -> None:
    bounds = [back_off(failures, 1.0) for failures in range(1, 10)]
    assert bounds == [1, 2, 4, 8, 16, 32, CEILING_SECONDS, CEILING_SECONDS, CEILING_SECONDS]


def test_the_wait_is_anything_up_to_the_bound() -> None:
    """So that ten thousand agents do not meet a server that has come back in one second."""
    waits = [back_off(8, number / 100) for number in range(101)]
    assert (min(waits), max(waits)) == (LEAST_SECONDS, CEILING_SECONDS)
    assert len(set(waits)) > 95


def test_a_third_of_a_credential_s_life_is_left_to_renew_in() -> None:
    assert renew_after(24 * 3600) == 16 * 3600
