"""The pool of connections, and the transaction that each request gets from it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self
from uuid import UUID

import asyncpg
import msgspec

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database.failures import DRIVER_ERRORS, coded_failures, unreadable_url
from lotabots.runtime.database.line import Line, notify_apart, open_line
from lotabots.runtime.database.transaction import Transaction

if TYPE_CHECKING:
    from asyncpg.pool import Pool, PoolConnectionProxy

CONNECT_SECONDS = 10.0
ACQUIRE_SECONDS = 10.0
CLOSE_SECONDS = 10.0
STATEMENT_SECONDS = 30.0

# A request that hangs must not hold a lock for ever, whatever our own code does.
_SESSION = {
    "application_name": "lotabots",
    "statement_timeout": "30s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "jit": "off",
}


class Database:
    """A bounded pool to one PostgreSQL, healing by itself after the server was away.

    While the server is away each use fails at once with `DATABASE_UNAVAILABLE`; nothing is retried
    here, because only the caller knows whether its work may run twice.
    """

    def __init__(self, pool: "Pool", url: str) -> None:
        self._pool = pool
        # The driver's pool gives a free connection to whoever asks just then, past those who wait:
        # under load some would wait until they give up, however quick the rest.
        self._turns = asyncio.Semaphore(pool.get_max_size())
        self._url = url
        self._hear_own: Callable[[str, str], None] | None = None

    @classmethod
    async def open(cls, url: str, *, connections: int = 10) -> Self:
        """A pool to `postgresql://role@/database?host=...`, once it has answered.

        Raises `DATABASE_ROLE_UNBOUND` for a role that sees every tenant's rows, whatever we set.
        """
        # Without a scheme the driver would fill in what it finds in the environment.
        if not url.startswith(("postgresql://", "postgres://")):
            raise unreadable_url()
        pool = asyncpg.create_pool(
            url,
            min_size=0,  # the pool would try and warn without end while the server is away
            max_size=connections,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=_SESSION,
            init=_speak_json,
            # A round trip for each use of a connection, to take back what no transaction leaves
            # behind: settings are local, locks end with it, nobody listens.
            reset=_nothing_to_reset,
        )
        with coded_failures():
            await pool
        database = cls(pool, url)
        try:
            await database._require_bound_role()
        except BaseException as error:
            pool.terminate()
            if isinstance(error, ValueError):
                raise unreadable_url() from error
            raise
        return database

    async def close(self) -> None:
        """Ends every connection, waiting for those in use, but not for long. Never raises."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except DRIVER_ERRORS:
            self._pool.terminate()

    async def check(self) -> None:
        """Returns when the database answers; for readiness."""
        async with self.transaction(None) as tx:
            await tx.fetch_value("select 1")

    def line(self, channel: str, heard: Callable[[str], None]) -> AbstractAsyncContextManager[Line]:
        """A connection outside the pool that listens on `channel`."""
        return open_line(self._url, channel, heard)

    async def notify_apart(self, channel: str, text: str) -> None:
        """Notifies at once from a connection outside the pool, which may have none to spare."""
        await notify_apart(self._url, channel, text)

    def hear_own(self, heard: Callable[[str, str], None]) -> None:
        """Has `heard` called with each channel and text that a transaction from here notified.

        Called once it is committed, before its block is left: whoever wrote reads their own write.
        """
        self._hear_own = heard

    async def _require_bound_role(self) -> None:
        async with self.transaction(None) as tx:
            free = await tx.fetch_value(
                "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
            )
        if free:
            detail = "Row-level security does not bind the database role of this process."
            raise LotaError(Kind.CONFLICT, "DATABASE_ROLE_UNBOUND", detail)

    @asynccontextmanager
    async def transaction(
        self, tenant: UUID | None, *, login: str | None = None
    ) -> AsyncIterator[Transaction]:
        """One transaction that sees the rows of `tenant` alone, and none of any tenant for None.

        Committed when the block ends, rolled back when it raises. `login` is the name that someone
        claims to have before we know their tenant: identity's policy shows that one user's row.
        """
        async with self._connection() as connection:
            with coded_failures():
                await connection.execute("begin")
            try:
                with coded_failures():
                    began = await connection.fetchval(
                        "select transaction_timestamp(), set_config('lotabots.tenant', $1, true),"
                        " set_config('lotabots.login', $2, true)",
                        "" if tenant is None else str(tenant),
                        login or "",
                    )
                transaction = Transaction(connection, tenant, began)
                yield transaction
            except BaseException:
                # What the block raised is the news; a lost connection has nothing to roll back.
                with suppress(*DRIVER_ERRORS):
                    await connection.execute("rollback")
                raise
            with coded_failures():
                ended = await connection.execute("commit")
            if ended != "COMMIT":
                # PostgreSQL rolls back without an error if a statement had failed, also one whose
                # error the block caught; the driver's own transaction hides that.
                detail = "A statement had failed before, so nothing was stored."
                raise LotaError(Kind.INTERNAL, "DATABASE_FAILED", detail)
            if self._hear_own is not None:
                for notified in transaction.notified:
                    self._hear_own(*notified)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["PoolConnectionProxy"]:
        """A connection of the pool, for those who ask in their order. Raises `DATABASE_*`."""
        with coded_failures():
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._turns.acquire()
        try:
            with coded_failures():
                connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
            try:
                yield connection
            finally:
                # What cannot be reset is thrown away; what was committed stays committed.
                with suppress(*DRIVER_ERRORS):
                    await self._pool.release(connection)
        finally:
            self._turns.release()


async def _nothing_to_reset(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Replaces the driver's own statement, which would reset all that a session can hold."""


async def _speak_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),  # 1: the version of the format
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )
