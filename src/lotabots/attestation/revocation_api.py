"""HTTP of revocations: what this tenant does not vouch for any more, made, listed and lifted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.attestation import revocations
from lotabots.attestation.revocations import Made, RevocationRequest, RevocationRow
from lotabots.audit import Journal
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import requires

WRITE = [requires(Permission.REVOCATION_WRITE)]

Limit = Annotated[int, Parameter(ge=1, le=1000)]


@post("/v1/revocations", guards=WRITE)
async def make_revocation(
    data: RevocationRequest,
    tx: Transaction,
    journal: Journal,
    principal: Principal,
    now: datetime,
) -> Made:
    """Revokes a device, a reference file, a key or a driver version, and every result upon it."""
    return await revocations.make(tx, journal, principal, data, now)


@get("/v1/revocations", guards=[requires(Permission.REVOCATION_READ)])
async def list_revocations(
    tx: Transaction, lifted: bool = False, limit: Limit = 200
) -> list[RevocationRow]:
    """The revocations in force, newest first; with `lifted` also those that are not any more."""
    return await revocations.listed(tx, everything=lifted, most=limit)


@delete("/v1/revocations/{revocation_id:uuid}", guards=WRITE, status_code=200)
async def lift_revocation(
    tx: Transaction, journal: Journal, principal: Principal, now: datetime, revocation_id: UUID
) -> RevocationRow:
    """Lifts a revocation. What it ended stays ended: nodes attest anew."""
    return await revocations.lift(tx, journal, principal, revocation_id, now)


HANDLERS = (make_revocation, list_revocations, lift_revocation)
