"""How long whoever fails to log in must wait, as a pure function of what is known."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.identity.delays import FORGOTTEN, LONGEST, Tries, forgiven, tried, wait_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (14, 512), (15, 900), (16, 900), (10**9, 900)],
)
def test_five_tries_are_free_and_then_the_wait_doubles_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    assert wait_after(failures, 5) == timedelta(seconds=seconds)


def test_a_try_that_comes_too_soon_counts_for_nothing() -> None:
    before = Tries(5, NOW, NOW + timedelta(seconds=1))
    assert tried(before, NOW, 5) == timedelta(seconds=1)
    assert tried(before, NOW + timedelta(seconds=1), 5) == Tries(
        6, NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    )


def test_a_day_of_quiet_forgets_all() -> None:
    before = Tries(40, NOW, NOW + LONGEST)
    assert tried(before, NOW + FORGOTTEN, 5) == Tries(1, NOW + FORGOTTEN, NOW + FORGOTTEN)


def test_a_try_that_was_none_is_taken_back() -> None:
    counted = tried(None, NOW, 5)
    assert isinstance(counted, Tries)
    assert forgiven(counted, NOW, 5) == Tries(0, NOW, NOW)
    assert forgiven(Tries(0, NOW, NOW), NOW, 5).failures == 0


@given(st.lists(st.integers(0, 2000), max_size=60))
def test_nobody_ever_waits_longer_than_a_quarter_of_an_hour(gaps: list[int]) -> None:
    tries, now = None, NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        found = tried(tries, now, 5)
        if isinstance(found, Tries):
            tries = found
        else:
            assert timedelta(0) < found <= LONGEST
