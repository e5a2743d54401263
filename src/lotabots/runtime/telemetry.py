"""Structured logs to stderr, metrics for Prometheus, and the tally of refused callers."""

import logging
import secrets
import sys
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, FilteringBoundLogger

from lotabots.kernel import hmac_sha512

Logger: TypeAlias = FilteringBoundLogger

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
MAX_TEXT = 2000
"""Characters of one logged text; the rest is cut, so that no caller decides how much we write."""
MAX_SOURCES = 10_000


class Refusal(msgspec.Struct, frozen=True):
    """Why someone without a valid identity was turned away, and from where.

    `source` stands for a network address, which is personal data and never enters the audit log; it
    is the same for one address as long as the process lives.
    """

    source: str
    code: str


class Refusals:
    """How often each source was refused and why, since it was last asked.

    Refusals are counted here, in memory, and written to the audit log once a minute with the count:
    a stranger must not be able to write an audit entry with each request. Beyond `MAX_SOURCES`
    different pairs in one minute the sources are counted together.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tally: Tally[Refusal] = Tally()
        self._pseudonyms = secrets.token_bytes(32)
        self._counter = Counter(
            "lotabots_refusals", "Callers refused for want of a valid identity", ["code"],
            registry=registry,
        )  # fmt: skip

    def add(self, source: str, code: str) -> None:
        """Counts one refusal. `source` is a network address; only its pseudonym is kept."""
        self._counter.labels(code).inc()
        refusal = Refusal(hmac_sha512(self._pseudonyms, source.encode()).hex()[:16], code)
        if refusal not in self._tally and len(self._tally) >= MAX_SOURCES:
            refusal = Refusal("many", code)
        self._tally[refusal] += 1

    def take(self) -> Mapping[Refusal, int]:
        """The tally since the last call, which is then empty."""
        taken, self._tally = self._tally, Tally()
        return taken

    def give_back(self, taken: Mapping[Refusal, int]) -> None:
        """Puts a tally back that could not be written."""
        self._tally.update(taken)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where a process says what it does. Nothing here is global, so that tests share nothing."""

    log: Logger
    registry: CollectorRegistry
    refusals: Refusals


def open_telemetry(level: str = "info", stream: BinaryIO | None = None) -> Telemetry:
    """Telemetry whose log writes one JSON object a line to `stream` (stderr when None)."""
    log: Logger = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stderr.buffer),
        processors=[
            merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _cut,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    registry = CollectorRegistry()
    return Telemetry(log, registry, Refusals(registry))


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
