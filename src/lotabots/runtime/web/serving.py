"""Serving an application until told to stop, and leaving cleanly: exit 0, nothing left behind."""

import asyncio
import socket
from collections.abc import Callable

import msgspec
import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.web.room import CROWDED, connections_at_most
from lotabots.runtime.web.settings import WebSettings

BACKLOG = 1024
MAX_HEAD = 64 * 1024
"""Bytes of a request's head that are read at most; the settings may allow less."""
_NOT_HTTP = msgspec.json.encode(
    {"message": "This is not an HTTP request.", "code": "REQUEST_NOT_HTTP", "details": {}}
)


class _Server(uvicorn.Server):
    """uvicorn that ends when a signal came, instead of raising the signal again.

    As shipped, nothing after `serve()` runs and the exit status is that of the signal. The private
    name is pinned by a test that stops a real process.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        with self.capture_signals():
            await self._serve(sockets)
            self._captured_signals.clear()


class _Together(asyncio.Transport):
    """A transport that writes once what is written in one turn of the loop: a head and its body."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner, self._loop = inner, loop
        self._held: list[bytes | bytearray | memoryview] = []
        # What is asked often is asked of the transport itself.
        self.is_closing = inner.is_closing  # type: ignore[method-assign]
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]
        self.pause_reading = inner.pause_reading  # type: ignore[method-assign]
        self.resume_reading = inner.resume_reading  # type: ignore[method-assign]
        self.set_protocol = inner.set_protocol  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def _flush(self) -> None:
        if self._held:
            whole, self._held = b"".join(self._held), []
            self._inner.write(whole)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose own refusal has our error body, and whose headers have an end."""

    _head = 0
    _head_complete = False
    _only_head = True
    """Whether what came last is nothing but an unfinished head."""
    _most = 0
    """Connections at once."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # uvicorn's own refusal is plain text without a header of ours: the application refuses.
        self._most, self.limit_concurrency = self.limit_concurrency or 0, None
        super().connection_made(_Together(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        self._only_head = not self._head_complete
        super().data_received(data)
        # The application sees a request when its head is complete, and no limit of its own before:
        # whoever sends a head for ever is stopped here.
        if self._only_head:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("")

    def on_headers_complete(self) -> None:
        self._head_complete, self._only_head = True, False
        if len(self.connections) > self._most:
            self.scope["state"][CROWDED] = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head, self._head_complete = 0, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            b"x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(_NOT_HTTP), _NOT_HTTP)
        )
        self.transport.close()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `WEB_ADDRESS_UNAVAILABLE`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        detail = f"Cannot listen on {host}:{port}: {error.strerror}."
        raise LotaError(Kind.UNAVAILABLE, "WEB_ADDRESS_UNAVAILABLE", detail) from error
    listener.setblocking(False)
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    settings: WebSettings,
    *,
    started: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves `app` on `listener` until SIGINT, SIGTERM or `stop`, then returns.

    Running requests may finish within `settings.stop_seconds`; then background loops and the
    services stop. `started` is called once requests are answered.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.keep_alive,
            timeout_graceful_shutdown=settings.stop_seconds,
            limit_concurrency=connections_at_most(settings.max_connections),
        ),
        started,
    )
    async with asyncio.TaskGroup() as group:
        stopper = group.create_task(_stop_when(stop, server))
        try:
            await server.serve([listener])
        finally:
            stopper.cancel()


async def _stop_when(stop: asyncio.Event | None, server: uvicorn.Server) -> None:
    if stop is not None:
        await stop.wait()
        server.should_exit = True
