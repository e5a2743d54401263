"""Structured logs to stderr, and metrics for Prometheus."""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from structlog.typing import EventDict, FilteringBoundLogger

from lotabots.runtime.clock import utc_now
from lotabots.runtime.refusals import Refusals

Logger: TypeAlias = FilteringBoundLogger

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_LEVEL_OF = {**LEVELS, "notset": logging.NOTSET}
"""By the method of the logger; those that are not here say that something failed."""
REQUEST: ContextVar[tuple[str, str] | None] = ContextVar("request", default=None)
"""The id and trace id of the request that is being answered: they stand on every line about it."""
MAX_TEXT = 2000
"""Characters of one logged text; the rest is cut, so that no caller decides how much we write."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where a process says what it does. Nothing here is global, so that tests share nothing."""

    log: Logger
    requests: "RequestLog"
    registry: CollectorRegistry
    refusals: Refusals
    threshold: "Threshold"
    """From which level upwards is logged: `set` changes it while the process runs."""


class Threshold:
    """Drops what is said below a level."""

    def __init__(self, level: str) -> None:
        self.set(level)

    def set(self, level: str) -> None:
        """Logs from this level upwards, one of `LEVELS`."""
        self._least = LEVELS[level]

    def admits(self, method: str) -> bool:
        """Whether what this method of a logger says is written."""
        return _LEVEL_OF.get(method, logging.ERROR) >= self._least

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        """The event, or DropEvent: a processor of structlog."""
        if not self.admits(method):
            raise structlog.DropEvent
        return event


class RequestLog:
    """Writes the line of a request: as `Telemetry.log` would, for a fourth of its CPU.

    It is the one event that happens thousands of times a second. Its texts are cut by whoever
    makes them.
    """

    def __init__(self, sink: structlog.BytesLogger, threshold: Threshold) -> None:
        self._sink, self._threshold = sink, threshold

    def write(self, level: str, event: EventDict) -> None:
        """Writes these fields, if this level is written, with the level and the time."""
        if self._threshold.admits(level):
            event["level"], event["at"] = level, utc_now()
            self._sink.msg(_encode(event))


def open_telemetry(level: str = "info", stream: BinaryIO | None = None) -> Telemetry:
    """Telemetry whose log writes one JSON object a line to `stream` (stderr when None)."""
    threshold = Threshold(level)
    sink = structlog.BytesLogger(stream or sys.stderr.buffer)
    log: Logger = structlog.wrap_logger(
        sink,
        processors=[
            threshold,
            _with_request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _cut,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=True,
    )
    registry = CollectorRegistry()
    return Telemetry(log, RequestLog(sink, threshold), registry, Refusals(registry), threshold)


def adopt_standard_logging(log: Logger, *, level: str = "warning") -> None:
    """Sends what libraries log (uvicorn, asyncio, alembic) through `log`, from `level` upwards."""
    root = logging.getLogger()
    root.handlers[:] = [_Adopted(log)]
    root.setLevel(LEVELS[level])


class _Adopted(logging.Handler):
    def __init__(self, log: Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(
            record.levelno,
            "library.log",
            logger=record.name,
            text=record.getMessage(),
            exc_info=record.exc_info,
        )


def _with_request(_logger: object, _method: str, event: EventDict) -> EventDict:
    if (request := REQUEST.get()) is not None:
        event["request_id"], event["trace_id"] = request
    return event


def _cut(_logger: object, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        # A traceback is ours and says where; anything else long came from outside.
        if name != "exception" and isinstance(value, str) and len(value) > MAX_TEXT:
            event[name] = value[:MAX_TEXT] + "…"
    return event


def _encode(event: EventDict, **_: object) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=str)
    except UnicodeEncodeError:  # a lone surrogate, e.g. from an undecodable file name
        return repr(event).encode(errors="backslashreplace")
