"""HTTP of personal data: handed out, consented to, erased (GDPR articles 7, 15, 17 and 20)."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, get, post

from lotabots.access import Permission
from lotabots.identity.accounts import Accounts
from lotabots.identity.personal import (
    Consent,
    NewConsent,
    PersonalData,
    PersonalRecords,
    consents_of,
)
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import IN_SESSION, requires, source_of


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody is erased; kept with the entry that says so. Name nobody in it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class ErasedUser(msgspec.Struct, frozen=True):
    """The audit entry that says that somebody was erased."""

    entry: UUID


class ConsentList(msgspec.Struct, frozen=True):
    """The ledger of consents, the newest first."""

    consents: list[Consent]


@get("/v1/me/personal-data", guards=[IN_SESSION])
async def my_data(
    tx: Transaction,
    records: PersonalRecords,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> PersonalData:
    """All that there is of the caller."""
    return await records.export(tx, principal, principal.user_id, source_of(request.scope))


@get("/v1/me/consents", guards=[IN_SESSION])
async def my_consents(tx: Transaction, principal: Principal) -> ConsentList:
    """What the caller agreed to, and took back."""
    return ConsentList(await consents_of(tx, principal.user_id))


@post("/v1/me/consents", guards=[IN_SESSION])
async def consent(
    data: NewConsent,
    tx: Transaction,
    records: PersonalRecords,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Consent:
    """Writes down what the caller agrees to, or takes back."""
    return await records.consent(tx, principal, data, source_of(request.scope))


@get("/v1/users/{user_id:uuid}/personal-data", guards=[requires(Permission.PERSONAL_READ)])
async def user_data(
    user_id: UUID,
    tx: Transaction,
    accounts: Accounts,
    records: PersonalRecords,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> PersonalData:
    """All that there is of a user, for whoever asked for it."""
    await accounts.manageable(tx, principal, user_id)
    return await records.export(tx, principal, user_id, source_of(request.scope))


@post(
    "/v1/users/{user_id:uuid}/erasure",
    guards=[requires(Permission.AUDIT_ERASE)],
    status_code=200,
)
async def erase_user(
    user_id: UUID,
    data: Reason,
    tx: Transaction,
    accounts: Accounts,
    records: PersonalRecords,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> ErasedUser:
    """Forgets who a user was, here and in the audit log. Cannot be undone."""
    user = await accounts.removable(tx, principal, user_id)
    address = source_of(request.scope)
    return ErasedUser(await records.erase(tx, principal, user, data.reason, address))


HANDLERS = (my_data, my_consents, consent, user_data, erase_user)
