"""The clock."""

from datetime import UTC

from lotabots.runtime.clock import utc_now


def test_the_present_is_aware_in_utc_and_does_not_go_back() -> None:
    first = utc_now()
    assert first.tzinfo is UTC
    assert utc_now() >= first
