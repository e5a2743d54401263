"""Redis, where there is one: connections that fail fast, and heal at once."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from lotabots.kernel import invalid
from lotabots.runtime.settings import Secret

FAILED = (RedisError, OSError, TimeoutError)
"""What calling Redis may raise."""


@dataclass(frozen=True)
class RedisSettings:
    """Section `redis`."""

    url: Secret[str] = field(default_factory=lambda: Secret(""))
    """`redis://host:6379/0` or `rediss://...`, Redis 6.2 or later, or Valkey; empty: limits are
    counted in each process."""
    connections: int = 16
    """Connections that this process may hold at most."""

    def __post_init__(self) -> None:
        url = self.url.get_secret_value()
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise invalid(
                "SETTINGS_INVALID", "redis.url begins with redis://, rediss:// or unix://"
            )
        if not 1 <= self.connections <= 1000:
            raise invalid("SETTINGS_INVALID", "redis.connections is 1 to 1000")


class Script:
    """A Lua script, and the name under which Redis keeps it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis names scripts so


class Connections:
    """At most so many connections, given out in the order in which they are asked for.

    redis-py's own connections, without its client above them: that takes three times the CPU, its
    waiting pool lets some callers wait for ever while others come first, and as shipped it tries
    for seconds when a server is gone. Here nothing is tried again, and nothing waits but for an
    answer: whoever asks sets the time, and must decide without Redis anyway.
    """

    def __init__(self, url: str, most: int) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(
            url, retry=Retry(NoBackoff(), 0), health_check_interval=0, socket_timeout=None
        )
        self._turn = asyncio.Semaphore(most)
        self._free: list[AbstractConnection] = []

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[int]) -> list[bytes]:
        """What the script returns. Raises `FAILED` when Redis is not there or refuses."""
        try:
            return await self._call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:  # a new server, or one that was told to forget
            return await self._call("EVAL", script.text, len(keys), *keys, *args)

    async def _call(self, *command: str | int) -> list[bytes]:
        async with self._turn:
            connection = self._free.pop() if self._free else self._made()
            try:
                if not connection.is_connected:
                    await connection.connect()  # type: ignore[no-untyped-call]
                packed = [hiredis.pack_command(command)]  # type: ignore[arg-type]
                await connection.send_packed_command(packed, check_health=False)
                answer: list[bytes] = await connection.read_response()
            except ResponseError:
                self._free.append(connection)
                raise
            except BaseException:
                # The others are from before whatever happened, and may be as dead.
                await self._drop(connection, *self._free)
                self._free.clear()
                raise
            self._free.append(connection)
            return answer

    def _made(self) -> AbstractConnection:
        made: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return made

    async def close(self) -> None:
        """Ends every connection that is not in use."""
        await self._drop(*self._free)
        self._free.clear()

    async def _drop(self, *connections: AbstractConnection) -> None:
        for connection in connections:
            await connection.disconnect(nowait=True)


def open_redis(settings: RedisSettings) -> Connections | None:
    """Connections, of which none is made yet; None where no URL is set."""
    url = settings.url.get_secret_value()
    return Connections(url, settings.connections) if url else None
