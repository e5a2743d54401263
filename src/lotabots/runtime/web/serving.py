"""Serving an application until told to stop, and leaving cleanly: exit 0, nothing left behind."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from litestar.types import ASGIApp, Scope

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.web.protocol import Connection
from lotabots.runtime.web.room import connections_at_most
from lotabots.runtime.web.settings import WebSettings

BACKLOG = 1024
STOPPING = "lotabots.stopping"
"""Where an event stands, in the state of a scope, that is set once the server is to stop."""


class _Server(uvicorn.Server):
    """uvicorn that ends when a signal came, instead of raising the signal again.

    As shipped, nothing after `serve()` runs and the exit status is that of the signal. The private
    name is pinned by a test that stops a real process.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state[STOPPING] = self._stopping
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        with self.capture_signals():
            await self._serve(sockets)
            self._captured_signals.clear()


def stopping(scope: Scope) -> asyncio.Event | None:
    """What is set when the server that answers this is to stop: for answers without an end."""
    found = scope.get("state", {}).get(STOPPING)
    return found if isinstance(found, asyncio.Event) else None


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
            http=Connection,
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
