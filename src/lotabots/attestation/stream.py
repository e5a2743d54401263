"""Events as they happen, to many who listen: one reader of the database for the whole process.

    listener = Listener(principal, wanted, position, now)
    async for piece in stream.pieces(listener, stopping): ...  # server-sent events (HTML, 9.2)

Each listener has a position of its own and room for so many bytes. The reader takes pages behind
the positions of those who have room, one tenant after the other, and one query serves all that
stand at the same place. So a flood is read at the pace at which it is taken, in order, and nobody
waits for anybody: who takes nothing for a while is cut off, and goes on later behind the last
position that they saw. The reader is woken by events, and looks anyway every so often.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import UUID

from prometheus_client import Counter, Gauge

from lotabots.attestation import event_store
from lotabots.attestation.event_store import Position
from lotabots.attestation.listener import TOO_SLOW, Listener, told
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process

PAGE = 500
"""Events that are read at once."""
LOOK_SECONDS = 1.0
"""How often the reader looks where nothing woke it."""
FIRST_PAUSE, LAST_PAUSE = 0.01, 0.25
"""Seconds until it looks again where events are not settled, or the database is away; doubling."""
MOST_OF_TENANT = 32
"""Streams of one tenant in this process."""
MOST = 128
"""Streams of all tenants: each holds a connection of the gateway's to this process."""


class Stream:
    """The listeners of this process, and their reader, which runs while there are any."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._listeners: set[Listener] = set()
        self._woken = asyncio.Event()
        self._tenants: set[UUID] = set()
        self._reader: asyncio.Task[None] | None = None
        registry = process.telemetry.registry
        Gauge("lotabots_event_streams", "Streams of events", registry=registry).set_function(
            lambda: len(self._listeners)
        )
        self._cut = Counter(
            "lotabots_event_streams_cut", "Streams that were ended", ["why"], registry=registry
        )
        process.events.subscribe(Topic.NOTICES, self._hear)
        process.events.subscribe(Topic.TOKEN, self._end_of_token)

    def require_room(self, tenant: UUID) -> None:
        """Raises `EVENT_STREAMS_LIMIT` where one more stream of this tenant would be too many."""
        of_tenant = sum(one.tenant == tenant for one in self._listeners)
        if of_tenant >= MOST_OF_TENANT or len(self._listeners) >= MOST:
            detail = f"There are {of_tenant} streams of events open; close one, or try again."
            raise LotaError(Kind.RATE_LIMITED, "EVENT_STREAMS_LIMIT", detail, retry_after_seconds=5)

    async def pieces(
        self, listener: Listener, stopping: asyncio.Event | None
    ) -> AsyncIterator[bytes]:
        """What the listener is sent, until it is ended or whoever reads this leaves."""
        try:
            self.require_room(listener.tenant)
        except LotaError as error:
            yield f": {error.detail}\n\n".encode()
            return
        self._listeners.add(listener)
        listener.task = asyncio.current_task()
        stopper = asyncio.create_task(_end_when(stopping, listener))
        self._wake(listener.tenant)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="event-stream")
        try:
            async for piece in listener.pieces(lambda: self._wake(listener.tenant)):
                yield piece
        finally:
            self._listeners.discard(listener)
            listener.task = None
            stopper.cancel()
            if not self._listeners and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    def _hear(self, key: str | None) -> None:
        for tenant in {one.tenant for one in self._listeners}:
            if key is None or key == str(tenant):
                self._wake(tenant)

    def _wake(self, tenant: UUID) -> None:
        self._tenants.add(tenant)
        self._woken.set()

    def _end_of_token(self, token: str | None) -> None:
        """Ends the streams of a token that was revoked; of all, where that may have been missed."""
        for one in self._listeners:
            if token is None or one.token == token:
                one.end("the token was revoked: log in again, and go on from the last id")

    async def _read(self) -> None:
        pause, log = FIRST_PAUSE, self._process.telemetry.log
        failed = ""
        while True:
            try:
                waits = await self._round()
                if failed:
                    log.info("event_stream.found", lost_by=failed)
                failed = ""
            except LotaError as error:
                if error.code != failed:
                    log.warning("event_stream.lost", code=error.code, detail=error.detail)
                failed, waits = error.code, True
            except Exception:  # the edge of a loop: who listens would wait for ever
                log.exception("event_stream.failed")
                failed, waits = "INTERNAL", True
            if failed:
                await asyncio.sleep(LAST_PAUSE)
            else:
                await self._pause(pause if waits else LOOK_SECONDS)
            pause = min(2 * pause, LAST_PAUSE) if waits else FIRST_PAUSE

    async def _pause(self, seconds: float) -> None:
        """Waits so long, or until something happened; what nobody told of is looked for, too."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            self._tenants.update(one.tenant for one in self._listeners)
        self._woken.clear()

    async def _round(self) -> bool:
        """Whether there is more that could not be shown yet."""
        unsettled: set[UUID] = set()
        while True:
            self._end_what_is_over()
            tenants, self._tenants = self._tenants, set()
            if not tenants:
                self._tenants |= unsettled
                return bool(unsettled)
            try:
                for tenant in tenants:
                    if await self._one_page_each(tenant):
                        unsettled.add(tenant)
            except BaseException:
                self._tenants |= tenants
                raise

    async def _one_page_each(self, tenant: UUID) -> bool:
        """Reads a page for each place at which listeners of the tenant with room stand.

        Returns whether there are events that are not settled yet.
        """
        unsettled = False
        for position, listeners in self._places(tenant).items():
            async with self._process.database.transaction(tenant) as tx:
                page = await event_store.after(tx, position, PAGE)
            messages = [(row, told(row)) for row in page.rows]
            for one in listeners:
                one.take(messages, page.end)
            unsettled |= page.unsettled
            if len(page.rows) == PAGE:
                self._tenants.add(tenant)  # after the others
        return unsettled

    def _places(self, tenant: UUID) -> dict[Position, list[Listener]]:
        places: dict[Position, list[Listener]] = defaultdict(list)
        for one in self._listeners:
            if one.tenant == tenant and one.has_room:
                places[one.position].append(one)
        return places

    def _end_what_is_over(self) -> None:
        for one in self._listeners:
            if not one.ended and (why := one.over):
                one.end(why)
                self._cut.labels("slow" if why == TOO_SLOW else "token").inc()


async def _end_when(stopping: asyncio.Event | None, listener: Listener) -> None:
    if stopping is None:
        return
    await stopping.wait()
    listener.end("the server stops: go on from the last id")
