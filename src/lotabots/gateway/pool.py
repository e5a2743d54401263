"""Connections to one address of a service: kept while idle, and no more than so many."""

import asyncio
import ssl
from collections import deque
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

from lotabots.gateway.wire import Connection

WAIT_SECONDS = 10.0
"""How long a request waits for a connection while all are in use."""
KEPT_SECONDS = 10.0
"""How long an idle connection is kept: less than a service keeps it (`web.keep_alive`)."""


class UnreachableError(Exception):
    """There was no connection; nothing was sent."""


class CrowdedError(Exception):
    """All connections stayed in use; nothing was sent."""


class Target(NamedTuple):
    """Where a service is."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> "Target":
        """The target of an address such as `http://10.0.0.1:8471`."""
        parts = urlsplit(url)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(parts.hostname or "", parts.port or (443 if tls else 80), tls)


class Pool:
    """Connections to one address, at most so many."""

    def __init__(self, url: str, most: int, connect_seconds: float) -> None:
        self._target = Target.of(url)
        self._connect_seconds = connect_seconds
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[Connection] = []
        self._now = monotonic

    async def take(self) -> Connection:
        """A connection that no other request has. Raises `UnreachableError`, `CrowdedError`."""
        if self._free:
            self._free -= 1
        else:
            await self._turn()
        now = self._now()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.close()
        try:
            return await self._connected()
        except BaseException:
            self._release()
            raise

    async def _turn(self) -> None:
        """Waits in the order of asking until somebody is done. Raises `CrowdedError`."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._release()
            if isinstance(error, TimeoutError):
                raise CrowdedError from error
            raise

    def _release(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _connected(self) -> Connection:
        host, port, tls = self._target
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(Connection, host, port, ssl=tls)
        except (OSError, TimeoutError) as error:
            raise UnreachableError(type(error).__name__) from error
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keeps the connection if it is in order, else closes it."""
        if connection.reusable:
            connection.idle_since = self._now()
            self._idle.append(connection)
        else:
            connection.close()
        self._release()

    def close(self) -> None:
        """Ends every connection that is not in use."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
