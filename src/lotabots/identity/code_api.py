"""HTTP of the second factor: one-time codes of an authenticator, and recovery codes."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post

from lotabots.access import Permission
from lotabots.identity.accounts import Accounts
from lotabots.identity.second_factor import (
    Code,
    Enrolment,
    FactorState,
    RecoveryCodes,
    SecondFactor,
)
from lotabots.identity.types import MAX_PASSWORD_BYTES
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import IN_SESSION, requires, source_of


class OwnPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller's own password: a stolen token alone must not lock its user out."""

    password: Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD_BYTES)]


@get("/v1/me/codes", guards=[IN_SESSION])
async def show_codes(
    tx: Transaction, principal: Principal, second_factor: SecondFactor
) -> FactorState:
    """Whether the caller needs a code at log-in."""
    return await second_factor.state(tx, principal.user_id)


@post("/v1/me/codes", guards=[IN_SESSION])
async def enrol(
    data: OwnPassword,
    process: Process,
    accounts: Accounts,
    second_factor: SecondFactor,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Enrolment:
    """A secret for an authenticator; it counts from when a code confirms it."""
    account = await accounts.require_password(principal, data.password, source_of(request.scope))
    async with process.database.transaction(principal.tenant_id) as tx:
        return await second_factor.enrol(tx, principal, account.username)


@post("/v1/me/codes/confirm", guards=[IN_SESSION], status_code=200)
async def confirm(
    data: Code,
    second_factor: SecondFactor,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> RecoveryCodes:
    """Puts the secret in force, and gives ten recovery codes, shown this once."""
    return await second_factor.confirm(principal, data.code, source_of(request.scope))


@post("/v1/me/codes/recovery", guards=[IN_SESSION], status_code=200)
async def renew_recovery_codes(
    data: Code,
    second_factor: SecondFactor,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> RecoveryCodes:
    """Ten new recovery codes; the old ones are worth nothing any more."""
    address = source_of(request.scope)
    return await second_factor.renew_recovery_codes(principal, data.code, address)


@post("/v1/me/codes/remove", guards=[IN_SESSION], status_code=204)
async def remove(
    data: Code,
    second_factor: SecondFactor,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> None:
    """Ends that the caller needs a code at log-in."""
    await second_factor.remove(principal, data.code, source_of(request.scope))


@delete("/v1/users/{user_id:uuid}/codes", guards=[requires(Permission.USER_WRITE)])
async def reset(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    second_factor: SecondFactor,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> None:
    """Takes the second factor of a user away, who lost authenticator and recovery codes."""
    await accounts.manageable(tx, principal, user_id)
    await second_factor.reset(tx, principal, user_id, source_of(request.scope))


HANDLERS = (show_codes, enrol, confirm, renew_recovery_codes, remove, reset)
