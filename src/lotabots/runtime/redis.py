"""Redis, where there is one: connections that fail fast, and heal at once."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
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

    def __post_init__(self) -> None:
        url = self.url.get_secret_value()
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise invalid(
                "SETTINGS_INVALID", "redis.url begins with redis://, rediss:// or unix://"
            )


class Script:
    """A Lua script, and the name under which Redis keeps it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis names scripts so


class _Line(asyncio.Protocol):
    """One connection: what is asked in one turn of the loop goes out in one write, and the answers
    come back in the order of asking.

    redis-py connects, logs in and chooses the database; from then on its streams, which take three
    times the CPU, are left out. Its private name is pinned by every test with a real Redis.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=_refusal)
        self._asked: list[bytes] = []
        self._waiting: deque[asyncio.Future[list[bytes]]] = deque()
        self.dead = False
        """Whether nothing may be asked any more: it is lost, or an answer was not waited for."""
        writer = cast(asyncio.StreamWriter, connection._writer)
        self._transport = cast(asyncio.Transport, writer.transport)
        self._transport.set_protocol(self)

    def ask(self, command: bytes) -> "asyncio.Future[list[bytes]]":
        """The answer to come."""
        if not self._asked:
            self._loop.call_soon(self._send)
        self._asked.append(command)
        answer = self._loop.create_future()
        self._waiting.append(answer)
        return answer

    def _send(self) -> None:
        asked, self._asked = b"".join(self._asked), []
        if not self._transport.is_closing():
            self._transport.write(asked)

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return all(answer.done() for answer in self._waiting)

    def data_received(self, data: bytes) -> None:
        """Gives out the answers. One that nobody waits for any more is dropped."""
        self._reader.feed(data)
        try:
            while (said := self._reader.gets()) is not False:
                answer = self._waiting.popleft()
                if answer.done():
                    continue
                if isinstance(said, Exception):
                    answer.set_exception(said)
                else:
                    answer.set_result(said)
        except (hiredis.ProtocolError, IndexError) as error:  # no Redis, or nobody asked
            self._end(error)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for what will not come."""
        self._end(error)

    def _end(self, cause: Exception | None) -> None:
        self.dead = True
        self._transport.close()
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(RedisConnectionError(f"the connection ended: {cause!r}"))
        self._waiting.clear()


class Connections:
    """The connection to Redis: one, on which many ask at once, and another when that one fails.

    Nothing is tried again, and nothing waits but for an answer: whoever asks sets the time, and
    must decide without Redis anyway. Once an answer was not waited for to its end, nothing new is
    asked on that connection; those who wait already may still have their answers.
    """

    def __init__(self, url: str) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(
            url, retry=Retry(NoBackoff(), 0), health_check_interval=0, socket_timeout=None,
            protocol=2,
        )  # fmt: skip
        self._line: _Line | None = None
        self._opening: asyncio.Future[None] | None = None
        self._left: set[_Line] = set()

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[int]) -> list[bytes]:
        """What the script returns. Raises `FAILED` when Redis is not there or refuses."""
        try:
            return await self._call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:  # a new server, or one that was told to forget
            return await self._call("EVAL", script.text, len(keys), *keys, *args)

    async def _call(self, *command: str | int) -> list[bytes]:
        line = self._line
        if line is None or line.dead:
            line = await self._opened()
        try:
            answer = await line.ask(hiredis.pack_command(command))  # type: ignore[arg-type]
        except ResponseError:
            raise
        except BaseException:
            line.dead = True
            self._left.add(line)
            await self._tidy()
            raise
        if self._left:
            await self._tidy()
        return answer

    async def _opened(self) -> _Line:
        """A connection. Who comes while another opens one waits for that, or its failure."""
        while (line := self._line) is None or line.dead:
            if self._opening is not None:
                await asyncio.shield(self._opening)
                continue
            if line is not None:
                self._left.add(line)
            self._line, self._opening = None, asyncio.get_running_loop().create_future()
            made = self._pool.make_connection()  # type: ignore[no-untyped-call]
            failed: BaseException | None = RedisConnectionError("Redis is not there")
            try:
                await self._tidy()
                await made.connect()
                self._line, failed = _Line(made), None
            except BaseException:
                await made.disconnect(nowait=True)
                raise
            finally:
                opening, self._opening = self._opening, None
                if failed is None:
                    opening.set_result(None)
                else:
                    opening.set_exception(failed)
                    opening.exception()  # maybe nobody else waited
        return line

    async def _tidy(self) -> None:
        """Ends the connections that were left, once nobody waits for an answer of theirs."""
        for line in [one for one in self._left if one.idle]:
            self._left.discard(line)
            await line.connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Ends every connection."""
        for line in [*self._left, *([self._line] if self._line else [])]:
            line.dead = True
            await line.connection.disconnect(nowait=True)
        self._left.clear()
        self._line = None


def _refusal(text: str) -> ResponseError:
    return (NoScriptError if text.startswith("NOSCRIPT") else ResponseError)(text)


def open_redis(settings: RedisSettings) -> Connections | None:
    """Connections, of which none is made yet; None where no URL is set."""
    url = settings.url.get_secret_value()
    return Connections(url) if url else None
