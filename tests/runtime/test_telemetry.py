"""Logs are one JSON object a line, whatever is logged."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from lotabots.runtime.telemetry import (
    MAX_TEXT,
    REQUEST,
    Telemetry,
    adopt_standard_logging,
    open_telemetry,
)


class Logged:
    """Telemetry, and what it has written."""

    def __init__(self, level: str = "info") -> None:
        self.stream = io.BytesIO()
        self.telemetry: Telemetry = open_telemetry(level, self.stream)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def logged() -> Logged:
    return Logged()


def test_a_line_has_the_event_its_fields_its_level_and_a_time_in_utc(logged: Logged) -> None:
    logged.telemetry.log.info("node.seen", node="n1", gpus=8)
    [line] = logged.lines()
    assert line.pop("at").endswith("Z")
    assert line == {"event": "node.seen", "node": "n1", "gpus": 8, "level": "info"}


def test_the_request_that_is_being_answered_stands_on_every_line_inside(logged: Logged) -> None:
    ids = REQUEST.set(("r1", "t1"))
    logged.telemetry.log.info("inside")
    REQUEST.reset(ids)
    logged.telemetry.log.info("outside")
    lines = logged.lines()
    assert [line.get("request_id") for line in lines] == ["r1", None]
    assert [line.get("trace_id") for line in lines] == ["t1", None]


def test_the_line_of_a_request_is_like_any_other_and_under_the_same_threshold(
    logged: Logged,
) -> None:
    logged.telemetry.requests.write("info", {"event": "request", "path": "/\udc80"})
    logged.telemetry.threshold.set("warning")
    logged.telemetry.requests.write("info", {"event": "request"})
    logged.telemetry.requests.write("warning", {"event": "request", "code": None})
    logged.telemetry.log.warning("request", code=None)
    text = logged.stream.getvalue().splitlines()
    assert len(text) == 3
    ours, others = (json.loads(line) for line in text[1:])
    assert ours.pop("at").endswith("Z")
    assert others.pop("at").endswith("Z")
    assert ours == others == {"event": "request", "code": None, "level": "warning"}


@pytest.mark.parametrize(
    "hostile",
    ['a\r\n{"event": "forged"}', "\x1b[31mred\x1b[0m", '"}\n', "\u2028", "\udc80", "\x00"],
)
def test_hostile_text_stays_inside_its_line(logged: Logged, hostile: str) -> None:
    logged.telemetry.log.info("seen", text=hostile)
    raw = logged.stream.getvalue()
    assert raw.count(b"\n") == 1
    assert b"\x1b" not in raw
    assert b"\r" not in raw


def test_long_text_is_cut(logged: Logged) -> None:
    logged.telemetry.log.info("seen", text="x" * 1_000_000)
    assert len(logged.lines()[0]["text"]) == MAX_TEXT + 1


def test_an_exception_is_one_field_without_the_values_of_variables(logged: Logged) -> None:
    try:
        password = "hunter2"
        raise ValueError(f"{len(password)} characters")
    except ValueError:
        logged.telemetry.log.exception("broke")
    [line] = logged.lines()
    assert "ValueError: 7 characters" in line["exception"]
    assert "hunter2'" not in line["exception"].replace('password = "hunter2"', "")


def test_lines_below_the_level_are_not_written() -> None:
    logged = Logged("warning")
    logged.telemetry.log.info("quiet")
    logged.telemetry.log.warning("loud")
    assert [line["event"] for line in logged.lines()] == ["loud"]


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before


def test_what_libraries_log_joins_the_same_stream(
    logged: Logged, root_logger: logging.Logger
) -> None:
    adopt_standard_logging(logged.telemetry.log)
    logging.getLogger("uvicorn.error").warning("odd %s", "thing")
    logging.getLogger("uvicorn.error").info("usual thing")
    [line] = logged.lines()
    assert (line["event"], line["logger"], line["text"]) == (
        "library.log",
        "uvicorn.error",
        "odd thing",
    )


def test_the_level_can_be_changed_while_the_process_runs() -> None:
    stream = io.BytesIO()
    telemetry = open_telemetry("warning", stream)
    for level in ("warning", "debug", "error"):
        telemetry.threshold.set(level)
        for method in ("debug", "info", "warning", "error"):
            getattr(telemetry.log, method)(f"{method} at {level}")
    said = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert said == [
        "warning at warning", "error at warning",
        "debug at debug", "info at debug", "warning at debug", "error at debug",
        "error at error",
    ]  # fmt: skip
