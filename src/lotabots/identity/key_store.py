"""The SQL of API keys."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.kernel import Role
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import revoke_token

_SHOWN = (
    "id, user_id, name, role, permissions, made_at, expires_at, last_used_at,"
    " revoked_at is not null as revoked"
)


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as it may be shown: everything but the key."""

    id: str
    user_id: UUID
    name: str
    role: Role
    permissions: list[str]
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked: bool


async def add(
    tx: Transaction,
    key_id: str,
    digest: bytes,
    *,
    user_id: UUID,
    made_by: UUID,
    name: str,
    role: Role,
    permissions: Collection[str],
    expires_at: datetime,
) -> KeyView:
    """The key, stored."""
    await tx.execute(
        "insert into identity.api_keys (id, user_id, made_by, name, digest, role, permissions,"
        " made_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        key_id, user_id, made_by, name, digest, role, sorted(permissions), tx.began, expires_at,
    )  # fmt: skip
    return KeyView(
        id=key_id,
        user_id=user_id,
        name=name,
        role=role,
        permissions=sorted(permissions),
        made_at=tx.began,
        expires_at=expires_at,
        last_used_at=None,
        revoked=False,
    )


async def of_user(tx: Transaction, user_id: UUID) -> list[KeyView]:
    """The keys of a user, those that are over too, the newest first."""
    return await tx.fetch(
        f"select {_SHOWN} from identity.api_keys where user_id = $1"  # noqa: S608 - our own
        " order by made_at desc, id",
        user_id,
        into=KeyView,
    )


async def revoke(tx: Transaction, user_id: UUID, key_id: str) -> bool:
    """Whether the user had that key; no process accepts it any more."""
    return bool(await _revoke(tx, "user_id = $2 and id = $3", user_id, key_id))


async def revoke_all(tx: Transaction, user_id: UUID) -> int:
    """How many keys of the user were revoked."""
    return len(await _revoke(tx, "user_id = $2", user_id))


async def _revoke(tx: Transaction, which: str, *args: object) -> list["_Revoked"]:
    revoked = await tx.fetch(
        "update identity.api_keys set revoked_at = $1"  # noqa: S608 - our own conditions
        f" where revoked_at is null and {which} returning id, expires_at",
        tx.began, *args,
        into=_Revoked,
    )  # fmt: skip
    for key in revoked:
        await revoke_token(tx, key.id, key.expires_at)
    return revoked


class _Revoked(msgspec.Struct, frozen=True):
    id: str
    expires_at: datetime
