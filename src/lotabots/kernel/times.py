"""Points in time and durations as text: RFC 3339 in UTC, and `30d`, `12h`, `15m`, `90s`."""

import re
from datetime import UTC, datetime, timedelta

from lotabots.kernel.errors import invalid

_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)
_DURATION = re.compile(r"(0|[1-9]\d{0,9})([dhms])", re.ASCII)

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

MAX_DURATION = timedelta(days=36_500)


def parse_time(text: str) -> datetime:
    """The point in time, aware and in UTC, of an RFC 3339 text with at most microseconds.

    Raises `TIME_MALFORMED`, also for a text without offset: a local time is no point in time.
    """
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise invalid("TIME_MALFORMED", "This is not a time such as 2025-10-24T12:00:00Z.")


def format_time(moment: datetime) -> str:
    """The RFC 3339 text in UTC, such as `2025-10-24T12:00:00Z`; microseconds only if there are any.

    Raises `TIME_NAIVE` for a time without offset.
    """
    if moment.utcoffset() is None:
        raise invalid("TIME_NAIVE", "A time without an offset is no point in time.")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_duration(text: str) -> timedelta:
    """The length of a text such as `30d`, `12h`, `15m` or `90s`, at most 36500 days.

    Raises `DURATION_MALFORMED`.
    """
    if found := _DURATION.fullmatch(text):
        seconds = int(found[1]) * _UNITS[found[2]]
        if seconds <= MAX_DURATION.total_seconds():
            return timedelta(seconds=seconds)
    raise invalid("DURATION_MALFORMED", "This is not a duration such as 30d, 12h, 15m or 90s.")


def format_duration(duration: timedelta) -> str:
    """The text in the largest unit that leaves no remainder: `timedelta(hours=48)` gives `2d`.

    Raises `DURATION_MALFORMED` for what `parse_duration` could not give back.
    """
    seconds, rest = divmod(duration, timedelta(seconds=1))
    if rest or not timedelta() <= duration <= MAX_DURATION:
        raise invalid("DURATION_MALFORMED", "Durations are whole seconds up to 36500 days.")
    if seconds == 0:
        return "0s"
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"
