"""HTTP of API keys: one's own, and those of services and agents."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.identity import key_store, store
from lotabots.identity.api_keys import Keys, MadeKey, NewKey
from lotabots.identity.key_store import KeyView
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import IN_SESSION, requires, source_of

KeyId = Annotated[str, Parameter(pattern="^[a-z2-7]{16}$")]

# A key that makes keys would outlive its own revocation.
WRITE = [requires(Permission.API_KEY_WRITE, session=True)]


class KeyList(msgspec.Struct, frozen=True):
    """API keys, the newest first."""

    keys: list[KeyView]


@get("/v1/me/keys", guards=[IN_SESSION])
async def my_keys(tx: Transaction, principal: Principal) -> KeyList:
    """The caller's own API keys."""
    return KeyList(await key_store.of_user(tx, principal.user_id))


@post("/v1/me/keys", guards=[IN_SESSION])
async def make_my_key(
    data: NewKey,
    tx: Transaction,
    keys: Keys,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> MadeKey:
    """Makes an API key that acts for the caller; it is shown this once."""
    return await keys.make(tx, principal, principal.user_id, data, source_of(request.scope))


@delete("/v1/me/keys/{key_id:str}", guards=[IN_SESSION])
async def revoke_my_key(
    tx: Transaction,
    keys: Keys,
    principal: Principal,
    key_id: KeyId,
    request: Request[Any, Any, Any],
) -> None:
    """Revokes one of the caller's own API keys."""
    await keys.revoke(tx, principal, principal.user_id, key_id, source_of(request.scope))


@get("/v1/users/{user_id:uuid}/keys", guards=[requires(Permission.API_KEY_READ)])
async def user_keys(tx: Transaction, user_id: UUID) -> KeyList:
    """The API keys of a user of the caller's tenant."""
    await store.existing(tx, user_id)
    return KeyList(await key_store.of_user(tx, user_id))


@post("/v1/users/{user_id:uuid}/keys", guards=WRITE)
async def make_user_key(
    user_id: UUID,
    data: NewKey,
    tx: Transaction,
    keys: Keys,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> MadeKey:
    """Makes an API key of a service or an agent; it is shown this once."""
    return await keys.make(tx, principal, user_id, data, source_of(request.scope))


@delete("/v1/users/{user_id:uuid}/keys/{key_id:str}", guards=WRITE)
async def revoke_user_key(
    user_id: UUID,
    tx: Transaction,
    keys: Keys,
    principal: Principal,
    key_id: KeyId,
    request: Request[Any, Any, Any],
) -> None:
    """Revokes an API key of any user of the caller's tenant."""
    await keys.revoke(tx, principal, user_id, key_id, source_of(request.scope))


HANDLERS = (my_keys, make_my_key, revoke_my_key, user_keys, make_user_key, revoke_user_key)
