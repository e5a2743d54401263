"""One request and its answer, as an ASGI application sees them."""

import asyncio
import logging
from typing import Protocol, cast

import httptools
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPRequestEvent,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
)

from lotabots.runtime.web.answer import Header, head

_DISCONNECT: HTTPReceiveMessage = {"type": "http.disconnect"}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_log = logging.getLogger(__name__)


class Line(Protocol):
    """What an exchange asks of its connection."""

    loop: asyncio.AbstractEventLoop
    tasks: "set[asyncio.Task[None]]"
    """In which the application runs; whoever stops the server waits for them."""
    full: "asyncio.Future[None] | None"
    """What to wait for before more is sent."""

    @property
    def always(self) -> list[Header]:
        """The headers of every answer."""

    def write(self, data: bytes, body: bytes = b"") -> None:
        """Sends a piece of an answer."""

    def regulate(self) -> None:
        """Makes the client wait, or go on, by how much of the body waits here."""

    def answered(self, exchange: "Exchange") -> None:
        """The answer is whole."""

    def broken(self, exchange: "Exchange") -> None:
        """The answer will never be whole."""


class Exchange:
    """One request and its answer. The application runs in a task of its own."""

    __slots__ = (
        "_expects", "_given", "_head", "_line", "_pieces", "_waiters", "begun", "chunked", "done",
        "gone", "kept", "left", "read", "scope", "waiting",
    )  # fmt: skip

    def __init__(self, line: Line, scope: HTTPScope, *, expects: bool, kept: bool) -> None:
        self._line = line
        self.scope = scope
        self._expects = expects
        self.kept = kept
        """Whether another request may follow on this connection."""
        self._pieces: list[bytes] = []
        self.waiting = 0
        """Bytes of the body that the application has not taken."""
        self.read = False
        """Whether all of the request is here."""
        self._given = False
        self._waiters: list[asyncio.Future[None]] = []
        self._head: HTTPResponseStartEvent | None = None
        self.begun = self.done = self.gone = self.chunked = False
        self.left: int | None = None

    # What the connection calls.

    def take(self, body: bytes) -> None:
        """A piece of the body; what nobody will read any more is dropped."""
        if not self.done:
            self._pieces.append(body)
            self.waiting += len(body)
            self._wake()

    def end(self) -> None:
        """The end of the request."""
        self.read = True
        self._wake()

    def leave(self) -> None:
        """The client is gone."""
        self.gone = True
        self._wake()

    async def run(self, app: ASGIApp) -> None:
        """Lets the application answer, and sees to it that there is an answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged, no detail sent
            _log.error("the application failed", exc_info=error)
        finally:
            self._line.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self.done and not self.gone:
                self._line.broken(self)

    # What the application calls.

    async def receive(self) -> HTTPReceiveMessage:
        """The next of the body; at its end whether the client has gone."""
        if self._expects and not self.begun and not self.gone:
            self._expects = False
            if not self.read and not self._pieces:
                self._line.write(_CONTINUE)
        while not (self.gone or self.done):
            if self._pieces or (self.read and not self._given):
                body = b"".join(self._pieces)
                self._pieces.clear()
                self.waiting, self._given = 0, self.read
                self._line.regulate()
                request: HTTPRequestEvent = {
                    "type": "http.request", "body": body, "more_body": not self.read
                }  # fmt: skip
                return request
            waiter = self._line.loop.create_future()
            self._waiters.append(waiter)
            await waiter
        return _DISCONNECT

    async def send(self, message: Message) -> None:
        """Sends the answer: its head with the first of its body, as ASGI has it."""
        if self._line.full is not None and not self.gone:
            await self._line.full
        if self.gone:
            return
        if message["type"] == "http.response.start" and self._head is None:
            self._head = message
        elif message["type"] == "http.response.body" and self._head is not None and not self.done:
            self._send(self._head, message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"an answer has no place here for {message['type']}")

    def _send(self, head: HTTPResponseStartEvent, body: bytes, *, more: bool) -> None:
        start = b"" if self.begun else self._begin(head)
        if self.scope["method"] == "HEAD":
            body = b""
        elif self.left is not None:
            self.left -= len(body)
            if self.left < 0 or (self.left and not more):
                raise RuntimeError("the body has another length than was announced")
        elif self.chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = piece if more else piece + b"0\r\n\r\n"
        self.begun = True
        if start or body:
            self._line.write(start, body)
        if not more:
            self.done = True
            self._pieces.clear()  # nobody reads the rest: it must not keep the client waiting
            self.waiting = 0
            self._wake()
            self._line.answered(self)

    def _begin(self, start: HTTPResponseStartEvent) -> bytes:
        # Who was not told to go on may send the body or not: what came next would be a guess.
        kept = self.kept and not (self._expects and not self.read)
        made = head(
            start["status"],
            [*self._line.always, *start.get("headers", ())],
            bodiless=self.scope["method"] == "HEAD",
            old=self.scope["http_version"] == "1.0",
            kept=kept,
        )
        self.left, self.chunked, self.kept = made.length, made.chunked, made.kept
        return made.text

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)


def target_of(url: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target. Raises `ValueError` for one without a path."""
    if url[:1] == b"/" and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    if parsed.path is None:
        raise ValueError("a target without a path")
    return parsed.path, parsed.query or b""


def address_of(transport: asyncio.BaseTransport, which: str) -> tuple[str, int] | None:
    """Host and port of one end of a connection; None where it has none (a unix socket)."""
    info = transport.get_extra_info(which)
    return (str(info[0]), int(info[1])) if isinstance(info, tuple) and len(info) > 1 else None
