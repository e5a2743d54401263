"""Times and durations as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import (
    LotaError,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)


def test_a_time_is_read_into_utc() -> None:
    expected = datetime(2025, 10, 24, 12, 0, tzinfo=UTC)
    for text in ("2025-10-24T12:00:00Z", "2025-10-24T14:00:00+02:00", "2025-10-24T12:00:00.0Z"):
        assert parse_time(text) == expected
        assert parse_time(text).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_survives_its_text(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


def test_microseconds_are_written_only_if_there_are_any() -> None:
    moment = datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(moment) == "2025-01-02T02:04:05Z"
    assert format_time(moment.replace(microsecond=6)) == "2025-01-02T02:04:05.000006Z"


@pytest.mark.parametrize(
    "text",
    [
        "", "2025-10-24", "2025-10-24T12:00:00", "2025-10-24 12:00:00Z", "2025-10-24T12:00:00z",
        "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-10-24T24:00:01Z",
        "2025-10-24T12:00:60Z", "2025-10-24T12:00:00.1234567Z", "2025-10-24T12:00:00+25:00",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "\uff12025-10-24T12:00:00Z",
        "2025-10-24T12:00:00Z\n", "20251024T120000Z",
    ],
)  # fmt: skip
def test_a_text_that_names_no_single_moment_is_refused(text: str) -> None:
    with pytest.raises(LotaError, match="TIME_MALFORMED"):
        parse_time(text)


def test_a_time_without_offset_is_not_written() -> None:
    with pytest.raises(LotaError, match="TIME_NAIVE"):
        format_time(datetime(2025, 1, 1))  # noqa: DTZ001 - the naive time is the point


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("15m", timedelta(minutes=15)),
        ("90s", timedelta(seconds=90)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_read_and_written(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == text


@given(st.integers(0, 36_500 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_survives_its_text(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "d",
        "-1d",
        "+1d",
        "1.5h",
        "1 d",
        "1w",
        "01d",
        "36501d",
        "9999999999s",
        "1d\n",
        "\u0661d",
    ],
)
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(LotaError, match="DURATION_MALFORMED"):
        parse_duration(text)


@pytest.mark.parametrize(
    "duration", [timedelta(microseconds=1), timedelta(seconds=-1), timedelta(days=36_501)]
)
def test_a_duration_that_could_not_be_read_back_is_not_written(duration: timedelta) -> None:
    with pytest.raises(LotaError, match="DURATION_MALFORMED"):
        format_duration(duration)
