"""How much a process takes on at once: requests that it works on, connections that it holds."""

import resource

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.web.edge import EXTRA_HEADERS
from lotabots.runtime.web.health import HANDLERS

RETRY_SECONDS = 1
CROWDED = "lotabots.crowded"
"""In the state of a scope: its connection is one too many. Whoever serves says so."""
RESERVED_FILES = 512
"""For what is no connection of a client: database, Redis, services elsewhere, files."""
_ALWAYS = frozenset(path for handler in HANDLERS for path in handler.paths)
"""What operators ask a process: whoever watches it must see that it is busy, not dead."""


class Room:
    """Lets at most so many requests in at once; the next one is refused as `WEB_BUSY`.

    Without an end to what waits, every answer of an overload comes too late for its caller. What is
    counted is requests, not connections: a fleet that keeps its connections open asks little.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._left = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != ScopeType.HTTP or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        crowded = CROWDED in scope["state"]
        if crowded or self._left == 0:
            if crowded:
                scope["state"][EXTRA_HEADERS].append((b"connection", b"close"))
            detail = "Too much is being worked on at this moment; try again."
            raise LotaError(Kind.UNAVAILABLE, "WEB_BUSY", detail, retry_after_seconds=RETRY_SECONDS)
        self._left -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._left += 1


def connections_at_most(wanted: int) -> int:
    """How many connections may be open: `wanted`, or fewer where the system lends fewer files.

    Raises this process's own limit on open files as far as that needs and the system lets it: a
    server that runs out of them can accept nothing, and no longer says so to anybody.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - RESERVED_FILES))
