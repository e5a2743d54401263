"""HTTP of users, for those who manage them."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.identity import store
from lotabots.identity.accounts import Accounts
from lotabots.identity.types import Invitation, Invitee, NewUser, RoleChange, User, UserPage
from lotabots.kernel import Principal, Role
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import requires, source_of, visible

Limit = Annotated[int, Parameter(ge=1, le=200)]
After = Annotated[str, Parameter(max_length=64)]

READ = [requires(Permission.USER_READ)]
WRITE = [requires(Permission.USER_WRITE)]
SEEN = visible(email=Permission.USER_WRITE)
"""Who reviews users needs their roles, not how to reach them."""


@post("/v1/users", guards=WRITE)
async def add_user(
    data: NewUser, accounts: Accounts, principal: Principal, request: Request[Any, Any, Any]
) -> User:
    """Makes a user in the caller's tenant."""
    return await accounts.add(principal, data, source_of(request.scope))


@get("/v1/users", guards=READ, opt=SEEN)
async def list_users(
    tx: Transaction,
    after: After = "",
    limit: Limit = 50,
    role: Role | None = None,
    disabled: bool | None = None,
) -> UserPage:
    """The users of the caller's tenant, by name."""
    users = await store.by_name(tx, after, limit + 1, role=role, disabled=disabled)
    page = users[:limit]
    return UserPage(page, page[-1].username if len(users) > limit else None)


@get("/v1/users/{user_id:uuid}", guards=READ, opt=SEEN)
async def show_user(tx: Transaction, user_id: UUID) -> User:
    """One user of the caller's tenant."""
    return await store.existing(tx, user_id)


@post("/v1/users/invitations", guards=WRITE)
async def invite_user(
    data: Invitee,
    tx: Transaction,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Invitation:
    """Makes a user who chooses their own password, with a token that is shown this once."""
    return await accounts.invite(tx, principal, data, source_of(request.scope))


@post("/v1/users/{user_id:uuid}/invitation", guards=WRITE)
async def invite_again(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Invitation:
    """A new token with which the user sets a password: for one that was lost."""
    return await accounts.invite_again(tx, principal, user_id, source_of(request.scope))


@post("/v1/users/{user_id:uuid}/role", guards=WRITE, status_code=200)
async def set_role(
    user_id: UUID,
    data: RoleChange,
    tx: Transaction,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> User:
    """Gives the user another role, and ends their sessions."""
    return await accounts.set_role(tx, principal, user_id, data, source_of(request.scope))


@post("/v1/users/{user_id:uuid}/disable", guards=WRITE, status_code=200)
async def disable_user(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> User:
    """Ends everything that the user can do, until they are enabled again."""
    return await accounts.disable(tx, principal, user_id, source_of(request.scope))


@post("/v1/users/{user_id:uuid}/enable", guards=WRITE, status_code=200)
async def enable_user(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> User:
    """Lets a disabled user log in again."""
    return await accounts.enable(tx, principal, user_id, source_of(request.scope))


HANDLERS = (
    add_user,
    list_users,
    show_user,
    invite_user,
    invite_again,
    set_role,
    disable_user,
    enable_user,
)
