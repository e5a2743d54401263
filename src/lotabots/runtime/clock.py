"""The one place that reads the wall clock; everything below takes `now` as an argument."""

from datetime import UTC, datetime
from time import monotonic_ns


def utc_now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the clock that the rule points to


def ticks() -> int:
    """Microseconds of a clock that never goes back; only their differences mean anything."""
    return monotonic_ns() // 1000
