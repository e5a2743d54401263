"""User tokens that were revoked before they expired, and whether a token is one of them.

Each process holds the ids of all that have not expired: complete after one reading, kept complete
by events. Tokens live minutes and each was logged in for, so these are few. While the channel is
silent the database is asked instead.
"""

from datetime import datetime
from time import monotonic

from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.events.channel import Channel
from lotabots.runtime.events.publishing import Topic, publish

KEPT_SECONDS = 20 * 60
"""How long an id is remembered: longer than any token lives, the difference of clocks included."""

_PRUNE = """
    delete from runtime.revoked_tokens where token_id in (
        select token_id from runtime.revoked_tokens
        where expires_at < transaction_timestamp() - interval '5 minutes'
        limit 1000 for update skip locked)
"""
_ADD = """
    insert into runtime.revoked_tokens (token_id, expires_at) values ($1, $2)
    on conflict (token_id) do nothing
"""


async def revoke_token(tx: Transaction, token_id: str, expires_at: datetime) -> None:
    """Has every process refuse this token within a second of the transaction's commit.

    `expires_at` is the token's own. Revoking again does nothing. Takes away what has expired.
    """
    await tx.execute(_PRUNE)
    if await tx.execute(_ADD, token_id, expires_at):
        await publish(tx, Topic.TOKEN, token_id)


class Revocations:
    """Which tokens are revoked, as this process knows it. One for each process."""

    def __init__(self, database: Database, channel: Channel) -> None:
        self._database = database
        self._channel = channel
        self._ids: dict[str, float] = {}
        self._complete = False
        self._generation = 0
        channel.subscribe(Topic.TOKEN, self._heard)

    async def include(self, token_id: str) -> bool:
        """Whether this token is revoked. Raises `DATABASE_*` where that cannot be known."""
        if not self._channel.is_current():
            return await self._ask(token_id)
        if not self._complete:
            await self._read_all()
        return token_id in self._ids

    def _heard(self, token_id: str | None) -> None:
        if token_id is None:
            self._complete = False
            self._generation += 1
        else:
            self._remember([token_id])

    def _remember(self, token_ids: list[str]) -> None:
        now = monotonic()
        for token_id in token_ids:
            self._ids.pop(token_id, None)
            self._ids[token_id] = now + KEPT_SECONDS
        while self._ids and self._ids[oldest := next(iter(self._ids))] < now:
            del self._ids[oldest]

    async def _read_all(self) -> None:
        generation = self._generation
        async with self._database.transaction(None) as tx:
            rows = await tx.fetch("select token_id from runtime.revoked_tokens")
        # What was heard meanwhile is remembered already; ids are only ever added.
        self._remember([str(row["token_id"]) for row in rows])
        self._complete = generation == self._generation

    async def _ask(self, token_id: str) -> bool:
        async with self._database.transaction(None) as tx:
            found = await tx.fetch_value(
                "select exists (select from runtime.revoked_tokens where token_id = $1)", token_id
            )
        return bool(found)
