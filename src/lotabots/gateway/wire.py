"""HTTP/1.1 to a service: one connection, and one request on it at a time.

Ours, because the maintained client (aiohttp) alone cost more CPU than all else that the gateway
does. It reads with httptools (llhttp, strict); it sends no request twice, follows nothing, unpacks
nothing. A connection on which anything is out of place is closed, never used again; an answer whose
end is only that the connection ends is taken for broken, since nobody can tell it from one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import cast

import httptools

from lotabots.gateway.headers import Header
from lotabots.runtime.web import lines

MAX_HEAD = 64 * 1024
"""Bytes of an answer before its body."""
FULL = 256 * 1024
"""Bytes of an answer that may wait to be read, before the service is made to wait."""
_LENGTH = b"content-length"


class BrokenError(Exception):
    """The connection ended, or what came on it is no answer; something was sent."""


class Connection(asyncio.Protocol):
    """One connection to a service, and the answer that is coming on it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._asked = False
        self._deadline = 0.0  # 0 while nobody waits
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._waiting, self._head_bytes, self._paused = 0, 0, False
        self._error: Exception | None = None
        self._kept = False
        self.status = 0
        self.headers: list[Header] = []
        self.complete = False
        self.idle_since = 0.0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Reads on. Bytes that nobody asked for end the connection."""
        if self.complete or not self._asked:
            self._fail(BrokenError("unasked"))
            return
        if not self.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(BrokenError(type(error).__name__))
            return
        if not self.status and self._head_bytes > MAX_HEAD:
            self._fail(BrokenError("head"))

    def connection_lost(self, error: Exception | None) -> None:
        """Ends what is being waited for."""
        if not self.complete and self._error is None and self._asked:
            self._fail(BrokenError(type(error).__name__ if error else "closed"))
        self._kept = False
        if self._timer is not None:
            self._timer.cancel()
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(BrokenError("closed"))

    def pause_writing(self) -> None:
        """The service does not take more now."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The service takes more."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What httptools calls.

    def on_message_begin(self) -> None:
        """An answer, to which there must be a question."""
        if self.complete:
            raise BrokenError("unasked")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there; of an interim answer (1xx) nothing is kept."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = []
            if status == 101:  # nobody asked for another protocol
                self._fail(BrokenError("upgrade"))
            return
        self.status = status

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(body)
        self._waiting += len(body)
        if self._waiting > FULL and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The end of the answer."""
        if self.status:
            self.complete = True
            self._kept = self._parser.should_keep_alive()
            self._wake()

    # What the gateway calls.

    def begin(self, head: bytes) -> None:
        """Sends a request's head, with whatever of the body is there already."""
        self._asked = True
        self._pieces.clear()
        self._waiting = self._head_bytes = self.status = 0
        self.headers, self.complete, self._kept = [], False, False
        if self._transport is None or self._transport.is_closing():
            raise BrokenError("closed")
        self._transport.write(head)

    async def send(self, piece: bytes) -> None:
        """Sends more of the body, when the service takes it."""
        if self._transport is None or self._transport.is_closing():
            raise BrokenError("closed")
        self._transport.write(piece)
        if self._writable is not None:
            await self._writable

    async def answered(self, seconds: float) -> None:
        """Returns once the head is there. Raises `BrokenError`; `TimeoutError` after so long."""
        while not self.status:
            await self._wait(seconds)

    def ready(self) -> bytes | None:
        """The whole body if all of it is there, else None."""
        return b"".join(self._pieces) if self.complete else None

    async def read(self, seconds: float) -> bytes:
        """The next pieces of the body; nothing at its end. Raises as `answered` does."""
        while not self._pieces:
            if self.complete:
                return b""
            await self._wait(seconds)
        pieces = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return pieces

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        alive = self._transport is not None and not self._transport.is_closing()
        return self._kept and self.complete and self._error is None and alive

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    async def _wait(self, seconds: float) -> None:
        if self._error is not None:
            raise self._error
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._rings_at > self._deadline:
            self._ring_at(self._deadline)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter, self._deadline = None, 0.0

    def _ring_at(self, when: float) -> None:
        """Sets the one timer of this connection. It is left to ring, which is rare, since setting
        it anew for each request costs more than most of what a request needs.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = self._loop.call_at(when, self._rung), when

    def _rung(self) -> None:
        self._timer = None
        if self._deadline and self._deadline <= self._loop.time():
            self._fail(TimeoutError())
        elif self._deadline:
            self._ring_at(self._deadline)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._error, self._kept = error, False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()


def head(
    method: str, target: bytes, headers: Sequence[Header], body: bytes | None, *, chunked: bool
) -> bytes:
    """A request up to its body, with `body` behind it. Raises `ValueError` for what breaks a line.

    A body's length is ours to say: of what is here, else what was announced, else in chunks.
    """
    announced = dict(headers).get(_LENGTH)
    if announced is not None:
        headers = [one for one in headers if one[0] != _LENGTH]
    if body is not None:
        if body or announced is not None:
            headers = [*headers, (_LENGTH, b"%d" % len(body))]
    elif chunked:
        headers = [*headers, (b"transfer-encoding", b"chunked")]
    elif announced is not None:
        headers = [*headers, (_LENGTH, announced)]
    if b" " in target:
        raise ValueError("a space in the target")
    text = lines(b"%b %b HTTP/1.1" % (method.encode("ascii"), target), headers)
    return text + body if body else text


async def chunks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces in the chunked coding (RFC 9112 section 7.1)."""
    async for piece in pieces:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"
