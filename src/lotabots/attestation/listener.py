"""One stream of events: what its client has room for, and how it is told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from time import monotonic
from uuid import UUID

import msgspec

from lotabots.attestation.event_store import EventRow, Position, Wanted
from lotabots.kernel import Principal

ROOM = 256 * 1024
"""Bytes that may wait for a client; a page that was read for it may go beyond."""
PIECE = 64 * 1024
"""Bytes that are sent at once, about."""
QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that nobody between takes the line for dead."""
SLOW_SECONDS = 10.0
"""Who has no room, and took nothing for so long, is cut off."""
LONGEST_SECONDS = 600.0
"""A stream's life. Who comes back is looked at anew: a key or its user may be worth less then."""
GRACE_SECONDS = 5.0
"""How long after that the connection is closed, if the client takes not even the comment."""
TOO_SLOW = "too slow: go on from the last id"
RETRY_MS = 1000
"""When a client that follows the standard tries again."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event as clients see it."""

    id: UUID
    position: str
    """Where whoever has seen it goes on."""
    at: datetime
    kind: str
    node: UUID | None
    data: dict[str, str | int | None]

    @classmethod
    def of(cls, row: EventRow) -> "Event":
        """The event of a row."""
        return cls(
            id=row.id,
            position=str(row.position),
            at=row.at,
            kind=row.kind,
            node=row.node_id,
            data=row.data,
        )


def told(row: EventRow) -> bytes:
    """The event as one message of an event stream."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        str(row.position).encode(),
        row.kind.encode(),
        msgspec.json.encode(Event.of(row)),
    )


class Listener:
    """A client of the stream. Nothing here waits but `pieces`."""

    def __init__(
        self, principal: Principal, wanted: Wanted, position: Position, now: datetime
    ) -> None:
        self.tenant = principal.tenant_id
        self.token = principal.token_id
        self.position = position
        """Up to here everything was read for it: more than it was sent, where something waits."""
        self.ended = ""
        self.task: asyncio.Task[object] | None = None
        """In which it is sent."""
        self._wanted = wanted
        left = (principal.expires_at - now).total_seconds()
        self._ends_at = monotonic() + min(left, LONGEST_SECONDS)
        self._at_end = (
            "the token has expired: log in again" if left < LONGEST_SECONDS else "come back"
        )
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._took_at = monotonic()
        self._ready = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether more may be read for it."""
        return self._bytes < ROOM and not self.ended

    @property
    def over(self) -> str:
        """Why it has to end now, if it has to: too slow for too long, or its token is over."""
        if monotonic() >= self._ends_at:
            return f"{self._at_end}, and go on from the last id"
        if self._bytes >= ROOM and monotonic() - self._took_at > SLOW_SECONDS:
            return TOO_SLOW
        return ""

    def take(self, messages: Iterable[tuple[EventRow, bytes]], end: Position) -> None:
        """Keeps what it wants of a page behind its position, which is `end` now."""
        for row, message in messages:
            if self._wanted.take(row):
                self._waiting.append(message)
                self._bytes += len(message)
        self.position = end
        if self._waiting:
            self._ready.set()

    def end(self, why: str) -> None:
        """Says why, and ends; soon also where the client does not take even that.

        What waits is not sent: the client has the id of what it saw last, and goes on from there.
        """
        if not self.ended:
            self.ended = why
            self._waiting.clear()
            self._ready.set()
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._abandon)

    def _abandon(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def pieces(self, taken: Callable[[], None]) -> AsyncIterator[bytes]:
        """What is sent; `taken` is called whenever there is room again."""
        # An id without data is kept by the client, and is no event (HTML, section 9.2.6).
        yield f"retry: {RETRY_MS}\nid: {self.position}\n: connected\n\n".encode()
        while not self.ended:
            if self._waiting:
                full = not self.has_room
                piece = self._piece()
                if full and self.has_room:
                    taken()
                yield piece
                self._took_at = monotonic()
                continue
            self._ready.clear()
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._ready.wait()
            except TimeoutError:
                if not self._waiting:
                    # All before here was seen, also of what this client does not want.
                    yield f"id: {self.position}\n: still there\n\n".encode()
        yield f": {self.ended}\n\n".encode()

    def _piece(self) -> bytes:
        size, messages = 0, []
        while self._waiting and size < PIECE:
            message = self._waiting.popleft()
            messages.append(message)
            size += len(message)
        self._bytes -= size
        return b"".join(messages)
