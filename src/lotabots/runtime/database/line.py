"""One connection that listens: what others notify arrives in order, or the line is down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database.failures import DRIVER_ERRORS, coded_failures

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_SECONDS = 5.0
APPLICATION = "lotabots-events"
"""How these connections are called in `pg_stat_activity`."""
# A backend of ours that is asked nothing for a while is asked four times a second: no timeouts of
# the session are needed. TCP alone would take minutes to notice a peer that is gone.
_SESSION = {"application_name": APPLICATION, "timezone": "UTC", "statement_timeout": "5s"}


class Line:
    """An open line. Once `down` is set nothing is heard any more, and it has to be opened again."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.down = asyncio.Event()
        connection.add_termination_listener(lambda _: self.down.set())

    async def ask(self, seconds: float) -> None:
        """Returns when the server has answered on this connection, within `seconds`.

        PostgreSQL sends a session what it was notified of before it says that it is ready again
        (`PostgresMain`: `ProcessNotifyInterrupt` stands before `ReadyForQuery`), so whatever was
        acknowledged to its sender before this call has been heard here when it returns. It reads
        nothing, writes nothing and takes no lock. Raises `DATABASE_*`.
        """
        with coded_failures():
            try:
                async with asyncio.timeout(seconds):
                    await self._connection.fetchval("select 1")
            except TimeoutError:
                self._connection.terminate()  # else the driver would wait to cancel the statement
                raise


@asynccontextmanager
async def open_line(url: str, channel: str, heard: Callable[[str], None]) -> AsyncIterator[Line]:
    """A line on which `heard` gets each text notified on `channel`. Raises `DATABASE_*`."""
    with coded_failures():
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=_SESSION)

    def passed_on(_: object, _pid: int, _channel: str, payload: object) -> None:
        heard(str(payload))

    try:
        line = Line(connection)
        with coded_failures():
            await connection.add_listener(channel, passed_on)
        if connection.is_closed():
            detail = "The database cannot be reached."
            raise LotaError(Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", detail)
        yield line
    finally:
        with suppress(*DRIVER_ERRORS):
            # Asked for politely it would wait for a server that may not answer.
            connection.terminate()


async def notify_apart(url: str, channel: str, text: str) -> None:
    """Notifies from a connection made for it, which nobody else waits for. Raises `DATABASE_*`."""
    session = _SESSION | {"application_name": f"{APPLICATION}-probe"}
    with coded_failures():
        connection = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS, server_settings=session
        )
        try:
            await connection.fetchval("select pg_notify($1, $2)", channel, text)
        finally:
            connection.terminate()
