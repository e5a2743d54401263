"""HTTP by which a node enrols and renews: tokens by an operator, the rest by the node itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, post

from lotabots.access import Permission
from lotabots.attestation.enrolment import Enrolments
from lotabots.attestation.enrolment_tokens import EnrolmentTokens
from lotabots.attestation.enrolment_types import (
    Activation,
    Credential,
    Enrolment,
    EnrolmentRequest,
    MadeToken,
    Renewal,
    RenewalProof,
    RenewalRequest,
    TokenRequest,
)
from lotabots.attestation.renewal import Renewals
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import (
    PUBLIC,
    RateClass,
    limited,
    origin_of,
    proven_key,
    requires,
    source_of,
)

AnyRequest = Request[Any, Any, Any]
JOIN = {**PUBLIC, **limited(RateClass.TOKEN)}
RENEW = {**PUBLIC, **limited(RateClass.SUBMIT)}


@post(
    "/v1/enrolment-tokens",
    guards=[requires(Permission.NODE_WRITE)],
    opt=limited(RateClass.TOKEN),
)
async def make_enrolment_token(
    data: TokenRequest,
    request: AnyRequest,
    tx: Transaction,
    enrolment_tokens: EnrolmentTokens,
    principal: Principal,
    now: datetime,
) -> MadeToken:
    """A token with which one node enrols, once. It is shown this once."""
    return await enrolment_tokens.make(tx, principal, data, origin_of(request), now)


@post("/v1/enrolments", opt=JOIN)
async def begin_enrolment(
    data: EnrolmentRequest, request: AnyRequest, enrolments: Enrolments, now: datetime
) -> Enrolment:
    """Spends a token, and says what the node has to prove; with a DPoP proof of its session key."""
    return await enrolments.begin(data, _proven(request), source_of(request.scope), now)


@post("/v1/enrolments/{enrolment_id:uuid}/activation", opt=JOIN)
async def activate_enrolment(
    data: Activation,
    request: AnyRequest,
    enrolments: Enrolments,
    now: datetime,
    enrolment_id: UUID,
) -> Credential:
    """The node, and its agent's credential, for the proof that it has the TPM that it named."""
    return await enrolments.activate(enrolment_id, data, _proven(request), now)


@post("/v1/renewals", opt=RENEW)
async def begin_renewal(
    data: RenewalRequest, request: AnyRequest, renewals: Renewals, now: datetime
) -> Renewal:
    """What a node's TPM has to quote for a new credential; with a DPoP proof of the key for it."""
    return await renewals.begin(data, _proven(request), source_of(request.scope), now)


@post("/v1/renewals/{renewal_id:uuid}", opt=RENEW)
async def complete_renewal(
    data: RenewalProof, request: AnyRequest, renewals: Renewals, now: datetime, renewal_id: UUID
) -> Credential:
    """A new credential, whatever the verdict on the node; the one before ends."""
    address = source_of(request.scope)
    return await renewals.complete(renewal_id, data, _proven(request), address, now)


HANDLERS = (
    make_enrolment_token,
    begin_enrolment,
    activate_enrolment,
    begin_renewal,
    complete_renewal,
)


def _proven(request: AnyRequest) -> str:
    """The key that the caller proves to have. Raises `PROOF_*`."""
    thumbprint = proven_key(request)
    if thumbprint is None:
        detail = "This needs a DPoP proof of the node's session key."
        raise LotaError(Kind.AUTHENTICATION, "PROOF_ABSENT", detail)
    return thumbprint
