"""HTTP of sessions: refreshed, listed, ended; one's own, and those of other users."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post

from lotabots.access import Permission
from lotabots.identity import store
from lotabots.identity.clients import client_of
from lotabots.identity.session_store import Session
from lotabots.identity.sessions import Sessions, unknown_session
from lotabots.identity.types import AccessToken, Refresh
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import (
    IN_SESSION,
    PUBLIC,
    RateClass,
    limited,
    requires,
    source_of,
    visible,
)


class SessionList(msgspec.Struct, frozen=True):
    """Sessions that live, the one used last first."""

    sessions: list[Session]


@post("/v1/login/refresh", opt={**PUBLIC, **limited(RateClass.TOKEN)}, status_code=200)
async def refresh(
    data: Refresh, sessions: Sessions, request: Request[Any, Any, Any]
) -> AccessToken:
    """The next tokens of a session, for its refresh token, which is used up by this."""
    return await sessions.refresh(data.refresh_token, client_of(request))


@post("/v1/me/logout", guards=[IN_SESSION], status_code=204)
async def log_out(
    tx: Transaction, principal: Principal, sessions: Sessions, request: Request[Any, Any, Any]
) -> None:
    """Ends the session of this very request, its access tokens with it."""
    current = await sessions.current(tx, principal)
    address = source_of(request.scope)
    await sessions.end(tx, principal, principal.user_id, "logout", address, only=current)


@get("/v1/me/sessions", guards=[IN_SESSION])
async def my_sessions(tx: Transaction, principal: Principal, sessions: Sessions) -> SessionList:
    """The caller's own sessions."""
    return SessionList(await sessions.listed(tx, principal.user_id, principal))


@delete("/v1/me/sessions", guards=[IN_SESSION])
async def end_my_sessions(
    tx: Transaction, principal: Principal, sessions: Sessions, request: Request[Any, Any, Any]
) -> None:
    """Logs the caller out everywhere, here too."""
    address = source_of(request.scope)
    await sessions.end(tx, principal, principal.user_id, "logout", address)


@delete("/v1/me/sessions/{session_id:uuid}", guards=[IN_SESSION])
async def end_my_session(
    tx: Transaction,
    principal: Principal,
    sessions: Sessions,
    session_id: UUID,
    request: Request[Any, Any, Any],
) -> None:
    """Ends one of the caller's own sessions."""
    address = source_of(request.scope)
    if not await sessions.end(tx, principal, principal.user_id, "logout", address, only=session_id):
        raise unknown_session()


@get(
    "/v1/users/{user_id:uuid}/sessions",
    guards=[requires(Permission.SESSION_READ)],
    opt=visible(address=Permission.SESSION_END),
)
async def user_sessions(
    tx: Transaction, principal: Principal, sessions: Sessions, user_id: UUID
) -> SessionList:
    """The sessions of a user of the caller's tenant."""
    await store.existing(tx, user_id)
    return SessionList(await sessions.listed(tx, user_id, principal))


@delete("/v1/users/{user_id:uuid}/sessions", guards=[requires(Permission.SESSION_END)])
async def end_user_sessions(
    tx: Transaction,
    principal: Principal,
    sessions: Sessions,
    user_id: UUID,
    request: Request[Any, Any, Any],
) -> None:
    """Logs a user of the caller's tenant out everywhere."""
    await store.existing(tx, user_id)
    await sessions.end(tx, principal, user_id, "ended", source_of(request.scope))


HANDLERS = (
    refresh,
    log_out,
    my_sessions,
    end_my_sessions,
    end_my_session,
    user_sessions,
    end_user_sessions,
)
