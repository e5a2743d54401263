"""HTTP of log-in through an identity provider, and of the links that it needs."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import Parameter, QueryParameter

from lotabots.access import Permission
from lotabots.identity import store
from lotabots.identity.accounts import Accounts
from lotabots.identity.clients import Client
from lotabots.identity.oidc import LIFE, OidcLogin, links_of
from lotabots.identity.types import AccessToken, Link
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import PUBLIC, RateClass, limited, requires, source_of, visible

SECURE_COOKIE, COOKIE = "__Host-lota-oidc", "lota-oidc"
"""The second where the provider sends the browser back over plain HTTP, on this machine."""

Text = Annotated[str | None, Parameter(max_length=4096)]
State = Annotated[str | None, QueryParameter(name="state", max_length=4096)]


class LinkList(msgspec.Struct, frozen=True):
    """Who a user is at which provider."""

    links: list[Link]


LOGIN = {**PUBLIC, **limited(RateClass.LOGIN)}


@get("/v1/login/oidc", opt=LOGIN, status_code=302)
async def begin(oidc: OidcLogin) -> Response[None]:
    """Sends the browser to the identity provider."""
    begun = await oidc.begin()
    name = _cookie_name(oidc)
    cookie = Cookie(
        key=name,
        value=begun.browser,
        max_age=int(LIFE.total_seconds()),
        path="/",
        secure=name == SECURE_COOKIE,
        httponly=True,
        samesite="lax",
    )
    return Response(None, status_code=302, headers={"location": begun.url}, cookies=[cookie])


@get("/v1/login/oidc/callback", opt=LOGIN)
async def finish(
    oidc: OidcLogin,
    request: Request[Any, Any, Any],
    code: Text = None,
    sent_state: State = None,
    iss: Text = None,
    error: Text = None,
    error_description: Text = None,  # noqa: ARG001 - providers add these; a strange one is refused
    error_uri: Text = None,  # noqa: ARG001
    session_state: Text = None,  # noqa: ARG001
    scope: Text = None,  # noqa: ARG001
    authuser: Text = None,  # noqa: ARG001
    prompt: Text = None,  # noqa: ARG001
    hd: Text = None,  # noqa: ARG001
) -> AccessToken:
    """The tokens of a new session, for what the provider sent the browser back with."""
    if error is not None or code is None or sent_state is None:
        detail = "The provider did not vouch for anybody."
        raise LotaError(Kind.AUTHENTICATION, "OIDC_DENIED", detail)
    browser = request.cookies.get(_cookie_name(oidc), "")
    client = Client(source_of(request.scope), None)
    return await oidc.finish(code, sent_state, browser, iss, client)


@get(
    "/v1/users/{user_id:uuid}/links",
    guards=[requires(Permission.USER_READ)],
    opt=visible(subject=Permission.USER_WRITE),
)
async def list_links(tx: Transaction, user_id: UUID) -> LinkList:
    """Who the user is at which provider."""
    await store.existing(tx, user_id)
    return LinkList(await links_of(tx, user_id))


@post("/v1/users/{user_id:uuid}/links", guards=[requires(Permission.USER_WRITE)])
async def add_link(
    user_id: UUID,
    data: Link,
    tx: Transaction,
    accounts: Accounts,
    oidc: OidcLogin,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Link:
    """Lets the user log in through a provider, as that subject of it."""
    await accounts.manageable(tx, principal, user_id)
    await oidc.link(tx, principal, user_id, data, source_of(request.scope))
    return data


@delete("/v1/users/{user_id:uuid}/links", guards=[requires(Permission.USER_WRITE)])
async def remove_links(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    oidc: OidcLogin,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> None:
    """Ends every link of the user, and their sessions."""
    await accounts.manageable(tx, principal, user_id)
    await oidc.unlink(tx, principal, user_id, source_of(request.scope))


def _cookie_name(oidc: OidcLogin) -> str:
    """One name only: a neighbouring host can set the plain one for ours, and not the other."""
    secure = oidc.provider.redirect_uri.startswith("https://")
    return SECURE_COOKIE if secure else COOKIE


HANDLERS = (begin, finish, list_links, add_link, remove_links)
