"""The channel as one process hears it: subscribers by topic, and how long it has been silent.

The heartbeat is a question on the listening connection itself. Its answer proves that everything
committed before the question was sent has been heard, however slow the line: `silent_for` is the
age of that question. It writes nothing and takes no lock, and no process hears another's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TypeAlias
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Line
from lotabots.runtime.events.publishing import NAME, Topic
from lotabots.runtime.telemetry import Logger

BEAT_SECONDS = 0.25
SILENT_SECONDS = 1.0
"""From here on nothing that is remembered may be relied on: three beats have been missed."""
ANSWER_SECONDS = 2.0
"""How long an answer is waited for before the line is opened again."""
FIRST_DELAY, LAST_DELAY = 0.05, 1.0
"""Seconds between tries to open the line, doubling."""
OPEN_SECONDS = 1.0
"""How long a process that starts waits for its line; then it serves without."""
_PROBE = "probe "

Subscriber: TypeAlias = Callable[[str | None], None]
"""Gets the key of what changed, or None: anything may have changed, drop everything."""


class Channel:
    """Events as this process hears them. Until it is open, and while its line is down, silent."""

    def __init__(self, database: Database, registry: CollectorRegistry, log: Logger) -> None:
        self._database = database
        self._log = log
        self._subscribers: dict[Topic, list[Subscriber]] = {topic: [] for topic in Topic}
        self._heard_until = float("-inf")
        self._probe = ""
        self._probed = asyncio.Event()
        self._opened = asyncio.Event()
        heard = Counter("lotabots_events_heard", "Events heard", ["topic"], registry=registry)
        self._heard = {topic: heard.labels(topic) for topic in Topic}
        self._lines = Counter(
            "lotabots_events_lines", "Times the line to the channel was opened", registry=registry
        )
        Gauge(
            "lotabots_events_silent_seconds", "Age of what the channel proves", registry=registry
        ).set_function(self.silent_for)
        database.hear_own(lambda _, text: self._tell_of(text))

    def subscribe(self, topic: Topic, subscriber: Subscriber) -> None:
        """Has `subscriber` called for each event, on the event loop, for as long as we live."""
        self._subscribers[topic].append(subscriber)

    def silent_for(self) -> float:
        """Seconds since the moment up to which everything has been heard; infinite when down."""
        return monotonic() - self._heard_until

    def is_current(self) -> bool:
        """Whether what was remembered and not dropped is younger than `SILENT_SECONDS`."""
        return monotonic() - self._heard_until < SILENT_SECONDS

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listens while the block runs, and opens the line again whenever it is lost."""
        listening = asyncio.create_task(self._listen(), name="events")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(OPEN_SECONDS):
                    await self._opened.wait()
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            self._heard_until = float("-inf")

    async def _listen(self) -> None:
        delay, lost_by, log = FIRST_DELAY, "", self._log
        while True:
            try:
                async with self._database.line(NAME, self._hear) as line:
                    await self._prove(line)
                    self._lines.inc()
                    if lost_by:
                        log.info("events.found", lost_by=lost_by)
                    delay, lost_by = FIRST_DELAY, ""
                    await self._beat(line)
            except LotaError as error:
                if not lost_by:
                    log.warning("events.lost", code=error.code, detail=error.detail)
                lost_by = error.code
            except Exception:  # the edge of a loop: a silent channel is slow, a dead one worse
                log.exception("events.failed")
                lost_by = "INTERNAL"
            finally:
                self._heard_until = float("-inf")
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_DELAY)

    async def _prove(self, line: Line) -> None:
        """Returns when a notification from another connection has come through.

        Behind a pooler that lends a connection by the transaction a line can be asked and hears
        nothing. Then this process stays silent, which is slow and safe. Raises `EVENTS_DEAF`.
        """
        self._probe, self._probed = f"{_PROBE}{uuid4()}", asyncio.Event()
        await self._database.notify_apart(NAME, self._probe)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._probed.wait()
        except TimeoutError as error:
            raise _deaf() from error
        await line.ask(ANSWER_SECONDS)

    async def _beat(self, line: Line) -> None:
        """Asks until the line is down. Raises `DATABASE_*` then."""
        while not line.down.is_set():
            asked = monotonic()
            await line.ask(ANSWER_SECONDS)
            if not self.is_current():
                self._drop_everything()  # events may have been missed: whoever was silent is empty
            self._heard_until = asked
            self._opened.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await line.down.wait()
        detail = "The database ended the connection that listens."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", detail)

    def _drop_everything(self) -> None:
        for topic in Topic:
            self._tell(topic, None)

    def _hear(self, text: str) -> None:
        if text == self._probe:
            self._probed.set()
        else:
            self._tell_of(text)

    def _tell_of(self, text: str) -> None:
        """Twice for an event of our own: at its commit, and when it comes by the line."""
        name, _, key = text.partition(" ")
        if key and name in self._subscribers:
            topic = Topic(name)
            self._heard[topic].inc()
            self._tell(topic, key)

    def _tell(self, topic: Topic, key: str | None) -> None:
        log = self._log
        for subscriber in self._subscribers[topic]:
            try:
                subscriber(key)
            except Exception:  # one that fails must not keep the others from hearing
                log.exception("events.subscriber_failed", topic=topic)


def _deaf() -> LotaError:
    detail = "Notifications do not come through to the connection that listens for them."
    return LotaError(Kind.UNAVAILABLE, "EVENTS_DEAF", detail)
