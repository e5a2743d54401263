"""One open transaction: the only thing through which the rest of the code speaks SQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar, overload
from uuid import UUID

import msgspec

from lotabots.runtime.database.failures import coded_failures

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

T = TypeVar("T")

Row: TypeAlias = Mapping[str, object]


class Transaction:
    """SQL under one tenant. It is committed by whoever opened it, never by the code that uses it.

    Arguments are `$1`, `$2`, ... as PostgreSQL counts them. A `jsonb` value is any value that
    msgspec can encode, and comes back as plain dicts and lists. With `into`, each row (or the
    value) becomes that type, checked; without it, values are `object`.
    Every error is a `LotaError`; after one the transaction can only be rolled back.
    """

    def __init__(
        self, connection: "PoolConnectionProxy", tenant: UUID | None, began: datetime
    ) -> None:
        self._connection = connection
        self.tenant = tenant
        self.began = began
        """By the database's clock, the one that every process shares: for what must be ordered."""
        self.notified: list[tuple[str, str]] = []

    async def execute(self, sql: str, *args: object) -> int:
        """How many rows the statement changed (0 where PostgreSQL counts none)."""
        with coded_failures():
            status = await self._connection.execute(sql, *args)
        count = status.rpartition(" ")[2]  # "UPDATE 3", "INSERT 0 1", "SET"
        return int(count) if count.isdecimal() else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Runs one statement for each row of arguments, in one round trip."""
        with coded_failures():
            await self._connection.executemany(sql, rows)

    @overload
    async def fetch(self, sql: str, *args: object) -> list[Row]: ...
    @overload
    async def fetch(self, sql: str, *args: object, into: type[T]) -> list[T]: ...
    async def fetch(
        self, sql: str, *args: object, into: type[T] | None = None
    ) -> list[Row] | list[T]:
        """All rows."""
        with coded_failures():
            records = await self._connection.fetch(sql, *args)
            if into is None:
                rows: list[Row] = [dict(record) for record in records]
                return rows
            return [msgspec.convert(dict(record), into) for record in records]

    @overload
    async def fetch_one(self, sql: str, *args: object) -> Row | None: ...
    @overload
    async def fetch_one(self, sql: str, *args: object, into: type[T]) -> T | None: ...
    async def fetch_one(
        self, sql: str, *args: object, into: type[T] | None = None
    ) -> Row | T | None:
        """The first row, or None."""
        with coded_failures():
            record = await self._connection.fetchrow(sql, *args)
            if record is None or into is None:
                return None if record is None else dict(record)
            return msgspec.convert(dict(record), into)

    @overload
    async def fetch_value(self, sql: str, *args: object) -> object: ...
    @overload
    async def fetch_value(self, sql: str, *args: object, into: type[T]) -> T | None: ...
    async def fetch_value(
        self, sql: str, *args: object, into: type[T] | None = None
    ) -> object | T | None:
        """The first column of the first row, or None."""
        with coded_failures():
            value = await self._connection.fetchval(sql, *args)
            return value if value is None or into is None else msgspec.convert(value, into)

    async def notify(self, channel: str, text: str) -> None:
        """Has `text` delivered to whoever listens on `channel`, when this transaction commits.

        Commits that notify queue behind one lock of the whole server: for what is rare.
        """
        await self.execute("select pg_notify($1, $2)", channel, text)
        self.notified.append((channel, text))

    async def lock(self, name: str) -> None:
        """Waits until no other transaction, in any process, holds the lock of that name.

        It is held to the end of this transaction.
        """
        await self.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", name)
