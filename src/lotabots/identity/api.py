"""HTTP of identity: log-in, users, and the public keys of user tokens."""

from typing import Any

from litestar import Request, Response, get, post

from lotabots.audit import REFUSALS
from lotabots.identity import (
    code_api,
    key_api,
    oidc_api,
    personal_api,
    session_api,
    store,
    user_api,
)
from lotabots.identity.accounts import Accounts
from lotabots.identity.clients import client_of
from lotabots.identity.config import Config
from lotabots.identity.config_api import HANDLERS as CONFIG_HANDLERS
from lotabots.identity.service import Identity
from lotabots.identity.sweeping import SWEEP
from lotabots.identity.types import Acceptance, AccessToken, Login, PasswordChange, User
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import (
    AUTHENTICATED,
    IN_SESSION,
    PUBLIC,
    TOKEN_PURPOSE,
    RateClass,
    Service,
    limited,
    source_of,
)


@post("/v1/login", opt={**PUBLIC, **limited(RateClass.LOGIN)}, status_code=200)
async def log_in(data: Login, identity: Identity, request: Request[Any, Any, Any]) -> AccessToken:
    """The tokens of a new session, for a name and its password."""
    return await identity.log_in(data, client_of(request))


@get("/v1/me", guards=[AUTHENTICATED])
async def me(tx: Transaction, principal: Principal) -> User:
    """The user whose token this is."""
    return await store.existing(tx, principal.user_id)


@post("/v1/login/invitation", opt={**PUBLIC, **limited(RateClass.LOGIN)}, status_code=204)
async def accept_invitation(
    data: Acceptance, accounts: Accounts, request: Request[Any, Any, Any]
) -> None:
    """Sets the password of whoever was invited. Then they can log in."""
    await accounts.accept(data, client_of(request))


@post("/v1/me/password", guards=[IN_SESSION], status_code=204)
async def change_password(
    data: PasswordChange,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> None:
    """Changes the caller's own password, and ends every session of theirs."""
    await accounts.change_password(principal, data, source_of(request.scope))


@get("/v1/identity/jwks.json", opt=PUBLIC)
async def jwks(process: Process) -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys that verify user tokens (RFC 7517): previous, current and next."""
    keys = await process.keyring.load(TOKEN_PURPOSE)
    return Response(keys.jwks(), headers={"cache-control": "public, max-age=60"})


HANDLERS = (
    log_in,
    accept_invitation,
    me,
    change_password,
    jwks,
    *session_api.HANDLERS,
    *user_api.HANDLERS,
    *key_api.HANDLERS,
    *code_api.HANDLERS,
    *oidc_api.HANDLERS,
    *personal_api.HANDLERS,
    *CONFIG_HANDLERS,
)


def service(process: Process) -> Service:
    """The identity service over this process."""
    built = Identity(process)
    return Service(
        name="identity",
        handlers=HANDLERS,
        given={
            "config": Config(process),
            "identity": built,
            "sessions": built.sessions,
            "accounts": built.accounts,
            "keys": built.keys,
            "second_factor": built.second_factor,
            "oidc": built.oidc,
            "records": built.records,
        },
        loops=(REFUSALS, SWEEP),
    )
