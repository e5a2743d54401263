"""HTTP of identity: log-in, users, and the public keys of user tokens."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.audit import REFUSALS
from lotabots.identity import store
from lotabots.identity.config import Config
from lotabots.identity.config_api import HANDLERS as CONFIG_HANDLERS
from lotabots.identity.service import Identity
from lotabots.identity.types import AccessToken, Login, NewUser, User, UserPage
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import (
    AUTHENTICATED,
    PUBLIC,
    TOKEN_PURPOSE,
    Service,
    requires,
    source_of,
)

Limit = Annotated[int, Parameter(ge=1, le=200)]
After = Annotated[str, Parameter(max_length=63)]


@post("/v1/login", opt=PUBLIC, status_code=200)
async def log_in(data: Login, identity: Identity, request: Request[Any, Any, Any]) -> AccessToken:
    """A user token for a name and its password."""
    return await identity.log_in(data, source_of(request.scope))


@get("/v1/me", guards=[AUTHENTICATED])
async def me(tx: Transaction, principal: Principal) -> User:
    """The user whose token this is."""
    return await _found(tx, principal.user_id)


@post("/v1/users", guards=[requires(Permission.USER_WRITE)])
async def add_user(data: NewUser, identity: Identity, principal: Principal) -> User:
    """Makes a user in the caller's tenant."""
    return await identity.add_user(principal, data)


@get("/v1/users", guards=[requires(Permission.USER_READ)])
async def list_users(tx: Transaction, after: After = "", limit: Limit = 50) -> UserPage:
    """The users of the caller's tenant, by name."""
    users = await store.by_name(tx, after, limit + 1)
    page = users[:limit]
    return UserPage(page, page[-1].username if len(users) > limit else None)


@get("/v1/users/{user_id:uuid}", guards=[requires(Permission.USER_READ)])
async def show_user(tx: Transaction, user_id: UUID) -> User:
    """One user of the caller's tenant."""
    return await _found(tx, user_id)


@get("/v1/identity/jwks.json", opt=PUBLIC)
async def jwks(process: Process) -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys that verify user tokens (RFC 7517): previous, current and next."""
    keys = await process.keyring.load(TOKEN_PURPOSE)
    return Response(keys.jwks(), headers={"cache-control": "public, max-age=60"})


async def _found(tx: Transaction, user_id: UUID) -> User:
    user = await store.by_id(tx, user_id)
    if user is None:
        raise LotaError(Kind.NOT_FOUND, "USER_UNKNOWN", "There is no such user.")
    return user


HANDLERS = (log_in, me, add_user, list_users, show_user, jwks)


def service(process: Process) -> Service:
    """The identity service over this process."""
    return Service(
        name="identity",
        handlers=(*HANDLERS, *CONFIG_HANDLERS),
        given={"identity": Identity(process), "config": Config(process)},
        loops=(REFUSALS,),
    )
