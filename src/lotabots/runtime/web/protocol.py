"""HTTP/1.1 of a server: one connection, and its requests in the order in which they came.

uvicorn's runner makes one `Connection` for each, in place of its own protocol, which costs twice as
much. Reads with httptools (llhttp, strict), speaks ASGI 2.3 to the application. What is no HTTP is
answered with our error body, once whatever was asked before it is answered, and ends the
connection; so does a head, a trailer or a chunk's line without end.
"""

import asyncio
from collections import deque
from contextvars import copy_context
from typing import Any, cast

import httptools
import uvicorn
from litestar.types import ASGIApp, HTTPScope
from uvicorn.server import ServerState

from lotabots.runtime.web.answer import BROKEN, NOT_HTTP, Header
from lotabots.runtime.web.exchange import Exchange, address_of, scope_of
from lotabots.runtime.web.room import CROWDED

MAX_HEAD = 64 * 1024
LINGER_SECONDS = 2.0
"""How long what follows the last answer of a connection is read before it is closed."""
"""Bytes of a head, a trailer or a chunk's line that are read; the settings may allow less."""
FULL = 64 * 1024
"""Bytes of a body that may wait to be read, before the client is made to wait."""


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.server = server_state
        self.tasks = server_state.tasks
        # Typed as uvicorn's own classes; it calls `shutdown` of what is in there, and no more.
        self._connections = cast(set[object], server_state.connections)
        self._app = cast(ASGIApp, config.loaded_app)
        self._idle_seconds = config.timeout_keep_alive
        self._most = config.limit_concurrency
        self._state = app_state
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._client: tuple[str, int] | None = None
        self._local: tuple[str, int] | None = None
        self._url, self._headers, self._expects = b"", list[Header](), False
        self._reading: Exchange | None = None
        self._answering: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._unread = 0  # bytes since something was understood
        self._spoilt = False  # what comes after the queue is no HTTP
        self._paused = False
        self._context = copy_context()
        self.full: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    # What asyncio and uvicorn call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to listen, for as long as an idle connection is kept."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._client, self._local = (
            address_of(transport, "peername"),
            address_of(transport, "sockname"),
        )
        self._since = self.loop.time()
        self._timer = self.loop.call_later(self._idle_seconds, self._end_if_idle)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Tells whoever still answers."""
        self._connections.discard(self)
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
        for exchange in (self._answering, *self._queue):
            if exchange is not None:
                exchange.leave()
        self._queue.clear()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        self._unread += len(data)
        rest: bytes | memoryview = data
        while self._parser is not None:  # else the last request that is answered was read
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:  # nobody here speaks anything else
                rest = memoryview(rest)[upgrade.args[0] :]
                continue
            except httptools.HttpParserError:
                self._spoil()
            break
        if self._unread > MAX_HEAD:
            self._spoil()

    def eof_received(self) -> None:
        """Nothing more will be asked; asyncio closes the connection."""

    def pause_writing(self) -> None:
        """The client does not take more now."""
        self.full = self.full or self.loop.create_future()

    def resume_writing(self) -> None:
        """The client takes more, or is gone."""
        full, self.full = self.full, None
        if full is not None and not full.done():
            full.set_result(None)

    def shutdown(self) -> None:
        """Ends the connection once what was asked is answered."""
        last = self._queue[-1] if self._queue else self._answering
        if last is None:
            self._transport.close()
        else:
            last.kept = False
            self._parser = None if last.read else self._parser

    def _end_if_idle(self) -> None:
        left = self._since + self._idle_seconds - self.loop.time()
        if self._answering is not None:
            left = self._idle_seconds
        if left > 0:
            self._timer = self.loop.call_later(left, self._end_if_idle)
        else:
            self._transport.close()

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A request."""
        self._url, self._headers, self._expects = b"", [], False
        if self._answering is None:
            self._since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Its head is there: whatever httptools is told here to refuse, it refuses as no HTTP."""
        self._unread = 0
        parser = self._parser
        if parser is None:
            raise ValueError("nothing more is answered here")
        version, method = parser.get_http_version(), parser.get_method().decode()
        if version not in ("1.1", "1.0") or method == "CONNECT":
            raise ValueError(version)
        scope = scope_of(version, method, self._url, self._headers)
        scope |= {"server": self._local, "client": self._client, "state": self._state.copy()}
        self._headers = []  # a trailer belongs to no head
        kept = version == "1.1" and parser.should_keep_alive()
        exchange = Exchange(self, cast(HTTPScope, scope), expects=self._expects, kept=kept)
        self._reading = exchange
        if self._answering is None:
            self._begin(exchange)
        else:
            self._queue.append(exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._unread = 0
        reading = cast(Exchange, self._reading)
        reading.take(body)
        if reading.waiting > FULL:
            self.regulate()

    def on_message_complete(self) -> None:
        """Its end."""
        self._unread = 0
        reading = cast(Exchange, self._reading)
        reading.end()
        if not reading.kept:
            self._parser = None
            if reading.done:  # it was answered before: this was waited for
                self._transport.close()
        if self._queue:
            self.regulate()

    # What a request calls.

    def write(self, data: bytes, body: bytes = b"") -> None:
        """Sends a piece of an answer."""
        if self._transport.is_closing():
            return
        if len(body) < FULL:
            self._transport.write(data + body if body else data)
        else:
            self._transport.writelines((data, body))

    @property
    def always(self) -> list[Header]:
        """The headers of every answer: the date, which uvicorn's runner writes anew each second."""
        return self.server.default_headers

    def regulate(self) -> None:
        """Makes the client wait while more was asked than is answered, or sent than is read."""
        reading = self._reading
        wanted = bool(self._queue) or (reading is not None and reading.waiting > FULL)
        if wanted != self._paused and not self._transport.is_closing():
            self._paused = wanted
            if wanted:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def answered(self, exchange: Exchange) -> None:
        """Goes on to the next request, or ends the connection."""
        self.server.total_requests += 1
        self._answering = None
        if not exchange.kept:
            self._end(exchange)
        elif self._queue:
            self._begin(self._queue.popleft())
            self.regulate()
        elif self._spoilt:
            self._refuse()
        else:
            self._since = self.loop.time()
            if self._paused:
                self.regulate()

    def broken(self, exchange: Exchange) -> None:
        """Ends the connection, so that the client sees that the answer is not whole."""
        if not exchange.begun:
            self.write(BROKEN)
        cut = exchange.begun and exchange.left is None and not exchange.chunked
        if cut or self.full is not None:
            # The end of such a body is that of the connection; or nobody takes what waits.
            self._transport.abort()
        else:
            self._transport.close()

    def _end(self, exchange: Exchange) -> None:
        """Ends the connection, once what the client still sends is read (RFC 9112 section 9.6).

        Closed with bytes unread, it would be reset, and the answer lost on its way.
        """
        if exchange.read or exchange.gone or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_SECONDS, self._transport.close)
        self.regulate()

    def _begin(self, exchange: Exchange) -> None:
        self._answering = exchange
        server = self.server
        if self._most is not None and len(server.connections) > self._most:
            exchange.scope["state"][CROWDED] = True  # refused behind the edge, with its log line
        # One that waited begins in the task of the one before, whose context is not its own.
        task = self.loop.create_task(exchange.run(self._app), context=self._context.copy())
        server.tasks.add(task)

    def _spoil(self) -> None:
        """Refuses what was read last, after whatever was asked before it."""
        if self._parser is None:  # it is not read any more
            return
        self._parser = None
        answering, reading = self._answering, self._reading
        if answering is not None and (answering is not reading or answering.read):
            self._spoilt = True
            if reading is not None and not reading.read and self._queue:
                self._queue.pop()  # its body is what is wrong
            return
        if answering is not None:
            begun, self._answering = answering.begun, None
            answering.leave()
            if begun:
                self._transport.close()
                return
        elif reading is not None and not reading.read and reading.done:
            self._transport.close()  # that request has its answer
            return
        self._refuse()

    def _refuse(self) -> None:
        self.write(NOT_HTTP)
        self._transport.close()
