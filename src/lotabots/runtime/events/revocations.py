"""User tokens that were revoked before they expired, and whether a token is one of them.

Each process holds the ids of all that have not expired: complete after one reading, kept complete
by events. Tokens live minutes and each was logged in for, so these are few. While the channel is
silent the database is asked instead.
"""

import asyncio
from datetime import datetime
from time import monotonic

from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.events.channel import Channel
from lotabots.runtime.events.publishing import Topic, publish

READ_SECONDS = 600.0
"""How often all of them are read anew, which forgets those that have expired."""

# What has expired goes with what comes: the table stays as small as the last few minutes.
_ADD = """
    with expired as (
        delete from runtime.revoked_tokens where token_id in (
            select token_id from runtime.revoked_tokens
            where expires_at < transaction_timestamp() - interval '5 minutes'
            limit 1000 for update skip locked))
    insert into runtime.revoked_tokens (token_id, expires_at) values ($1, $2)
    on conflict (token_id) do nothing
"""


async def revoke_token(tx: Transaction, token_id: str, expires_at: datetime) -> None:
    """Has every process refuse this token within a second of the transaction's commit.

    `expires_at` is the token's own. Revoking again does nothing. Takes away what has expired.
    """
    if await tx.execute(_ADD, token_id, expires_at):
        await publish(tx, Topic.TOKEN, token_id)


class Revocations:
    """Which tokens are revoked, as this process knows it. One for each process."""

    def __init__(self, database: Database, channel: Channel) -> None:
        self._database = database
        self._channel = channel
        self._read: frozenset[str] = frozenset()
        self._read_at = float("-inf")
        self._told: set[str] = set()
        self._losses = 0
        self._reading = asyncio.Lock()
        channel.subscribe(Topic.TOKEN, self._hear)

    async def include(self, token_id: str) -> bool:
        """Whether this token is revoked. Raises `DATABASE_*` where that cannot be known."""
        if not self._channel.is_current():
            return await self._ask(token_id)
        if self._is_old():
            async with self._reading:  # the first reads; who waited finds it read
                if self._is_old():
                    await self._read_all()
        return token_id in self._told or token_id in self._read

    def _hear(self, token_id: str | None) -> None:
        if token_id is None:  # others may have been missed
            self._read_at = float("-inf")
            self._losses += 1
        else:
            self._told.add(token_id)

    def _is_old(self) -> bool:
        return monotonic() - self._read_at > READ_SECONDS

    async def _read_all(self) -> None:
        told, losses, began = set(self._told), self._losses, monotonic()
        async with self._database.transaction(None) as tx:
            rows = await tx.fetch("select token_id from runtime.revoked_tokens")
        self._read = frozenset(str(row["token_id"]) for row in rows)
        self._told -= told  # committed before we read: they are among the rows, or have expired
        if losses == self._losses:
            self._read_at = began

    async def _ask(self, token_id: str) -> bool:
        async with self._database.transaction(None) as tx:
            found = await tx.fetch_value(
                "select exists (select from runtime.revoked_tokens where token_id = $1)", token_id
            )
        return bool(found)
