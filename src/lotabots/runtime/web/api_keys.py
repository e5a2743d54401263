"""API keys as the guard checks them: found in the database, remembered for a few seconds.

Identity makes the keys; every process accepts them. So the one reader of them stands here.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.access import PERMISSIONS, ApiKey, read_api_key
from lotabots.kernel import Kind, LotaError, Principal, Role, equal
from lotabots.runtime.cache import Cache
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process

MEMORY_SECONDS = 5
"""How long a change of a key's user may go unnoticed; a revoked key is told to every process."""
REMEMBERED = 4096
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a user was last seen."""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    user_id: UUID
    digest: bytes
    key_role: Role
    permissions: frozenset[str]
    role: Role
    node_id: str | None
    expires_at: datetime


class ApiKeys:
    """The keys that were accepted lately, by digest; one that is revoked is dropped at once."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._remembered: Cache[Principal] = process.caches.open(
            "api-keys", topic=Topic.TOKEN, entries=REMEMBERED, seconds=MEMORY_SECONDS, stale=_is
        )

    async def principal(self, text: str) -> Principal:
        """The caller that this key stands for. Raises `API_KEY_INVALID`."""
        key = read_api_key(text)
        now = self._process.clock()
        found = self._remembered.find(key.digest)
        if found is not None:
            if now < found.expires_at:
                return found
            self._remembered.drop(key.digest)
        return await self._remembered.get(key.digest, lambda: self._found(key, now))

    async def _found(self, key: ApiKey, now: datetime) -> Principal:
        database = self._process.database
        async with database.transaction(None, login=f"key:{key.id}") as tx:
            tenant = await tx.fetch_value(
                "select tenant_id from identity.api_keys where id = $1", key.id, into=UUID
            )
        if tenant is None:
            raise _refused()
        async with database.transaction(tenant) as tx:
            row = await tx.fetch_one(_USE, key.id, key.digest, now, into=_Row)
            if row is not None:
                await tx.execute(_SEEN, row.user_id, now, now - SEEN_EVERY)
        if row is None or not equal(row.digest, key.digest):
            raise _refused()
        may = PERMISSIONS[row.key_role] & PERMISSIONS[row.role]
        return Principal(
            user_id=row.user_id,
            tenant_id=tenant,
            role=row.key_role,
            token_id=key.id,
            expires_at=row.expires_at,
            node_id=row.node_id,
            scope=frozenset(str(one) for one in may if one in row.permissions),
        )


_USE = """
update identity.api_keys k set last_used_at = $3
from identity.users u
where k.id = $1 and k.digest = $2 and k.revoked_at is null and k.expires_at > $3
    and u.id = k.user_id and u.disabled_at is null
returning k.user_id, k.digest, k.role as key_role, k.permissions, u.role, u.node_id, k.expires_at
"""

# Never waits: whoever changes the user holds their row and wants that of the key, which we hold.
_SEEN = """
update identity.users set last_used_at = $2
where id = (select id from identity.users
            where id = $1 and (last_used_at is null or last_used_at < $3)
            for no key update skip locked)
"""


def _refused() -> LotaError:
    detail = "This API key is unknown, was revoked, or has expired."
    return LotaError(Kind.AUTHENTICATION, "API_KEY_INVALID", detail)


def _is(principal: Principal, key_id: str) -> bool:
    return principal.token_id == key_id
