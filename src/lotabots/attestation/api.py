"""HTTP of attestation: challenges, submissions, records, policies, keys, status."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.attestation.history import History
from lotabots.attestation.policies import Policies
from lotabots.attestation.profiles import choose
from lotabots.attestation.records import Wanted
from lotabots.attestation.results import Results
from lotabots.attestation.service import Attestations
from lotabots.attestation.settings import STATUS_PATH
from lotabots.attestation.types import (
    Attestation,
    AttestationPage,
    AttestationRequest,
    Attested,
    ChallengeRequest,
    IssuedChallenge,
    PolicySummary,
    PolicyText,
    PolicyTrial,
    PolicyUpload,
    ReplayInputs,
    SignedResult,
    Trial,
)
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import PUBLIC, RateClass, limited, requires

MAX_SUBMISSION_BYTES = 3 * 1024 * 1024
"""64 devices with evidence and chain at their limits."""

READ = [requires(Permission.ATTESTATION_READ)]
POLICY_READ = [requires(Permission.POLICY_READ)]
POLICY_WRITE = [requires(Permission.POLICY_WRITE)]
SUBMIT = limited(RateClass.SUBMIT)
EXPORT = limited(RateClass.EXPORT)

AnyRequest = Request[Any, Any, Any]
Text = Annotated[str | None, Parameter(max_length=256)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


@post("/v1/challenges", guards=[requires(Permission.CHALLENGE_CREATE)], opt=SUBMIT)
async def create_challenge(
    data: ChallengeRequest,
    tx: Transaction,
    attestations: Attestations,
    principal: Principal,
    now: datetime,
) -> IssuedChallenge:
    """A challenge for one node, good for one submission within a minute."""
    return await attestations.challenge(tx, principal, data, now)


@post(
    "/v1/attestations",
    guards=[requires(Permission.ATTESTATION_SUBMIT)],
    opt=SUBMIT,
    request_max_body_size=MAX_SUBMISSION_BYTES,
)
async def attest(
    data: AttestationRequest,
    request: AnyRequest,
    attestations: Attestations,
    principal: Principal,
    now: datetime,
) -> Attested:
    """Judges what a node answers a challenge with. The challenge is spent whatever comes of it."""
    profile = choose(data.profile, request.headers.get("accept", ""))
    return await attestations.submit(principal, data, profile, now)


@get("/v1/attestations", guards=READ)
async def list_attestations(
    tx: Transaction,
    history: History,
    hardware_id: Text = None,
    attestation_type: Text = None,
    status: Text = None,
    after: Text = None,
    limit: Limit = 50,
) -> AttestationPage:
    """Attestations newest first; `next` of a page is `after` of the one behind it."""
    wanted = Wanted(hardware_id=hardware_id, attestation_type=attestation_type, status=status)
    return await history.page(tx, wanted, after, limit)


@get("/v1/attestations/{attestation_id:uuid}", guards=READ)
async def show_attestation(tx: Transaction, history: History, attestation_id: UUID) -> Attestation:
    """One attestation with its evidence tree and every finding."""
    return await history.show(tx, attestation_id)


@get("/v1/attestations/{attestation_id:uuid}/inputs", guards=READ, opt=EXPORT)
async def show_inputs(history: History, principal: Principal, attestation_id: UUID) -> ReplayInputs:
    """Everything that a replay needs, by digest, and the verdict to compare it with."""
    return await history.inputs(principal, attestation_id)


@get("/v1/attestations/{attestation_id:uuid}/result", guards=READ)
async def show_result(
    request: AnyRequest, results: Results, principal: Principal, now: datetime,
    attestation_id: UUID, profile: Text = None, receipt: bool = False,
) -> SignedResult:  # fmt: skip
    """The result once more, in any profile, never with a later end. 409 when it is over.

    With `receipt` it carries its place in the audit log and the proof; 409 until there is one.
    """
    wanted = choose(profile, request.headers.get("accept", ""))
    return await results.again(principal, attestation_id, wanted, now, with_receipt=receipt)


@get("/v1/policies", guards=POLICY_READ)
async def list_policies(tx: Transaction, policies: Policies) -> list[PolicySummary]:
    """The built-in policies, then this tenant's."""
    return await policies.listed(tx)


@get("/v1/policies/{policy:str}", guards=POLICY_READ)
async def show_policy(tx: Transaction, policies: Policies, policy: str) -> PolicyText:
    """One policy by id, or a built-in one by name."""
    return await policies.show(tx, policy)


@post("/v1/policies", guards=POLICY_WRITE)
async def add_policy(
    data: PolicyUpload, tx: Transaction, policies: Policies, principal: Principal, now: datetime
) -> PolicyText:
    """Loads a policy, with every proof, and stores it under the digest of its content."""
    return await policies.add(tx, principal, data.source.encode(), now)


@post("/v1/policies/{policy:str}/activate", guards=POLICY_WRITE, status_code=200)
async def activate_policy(
    tx: Transaction, policies: Policies, principal: Principal, now: datetime, policy: str
) -> PolicyText:
    """Puts a policy into force for every challenge from now on."""
    return await policies.activate(tx, principal, policy, now)


@post("/v1/policies/try", guards=POLICY_READ, status_code=200)
async def try_policy(data: PolicyTrial, history: History, principal: Principal) -> list[Trial]:
    """What a policy would have said of stored evidence, through the same code; changes nothing."""
    return await history.try_policy(principal, data)


@get("/.well-known/jwks.json", opt=PUBLIC)
async def jwks(results: Results) -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys that verify results (RFC 7517): previous, current and next."""
    return Response(await results.jwks(), headers={"cache-control": "public, max-age=60"})


@get(STATUS_PATH, opt=PUBLIC, media_type="application/statuslist+jwt")
async def status_list(results: Results, now: datetime) -> Response[str]:
    """The signed list of which results still hold (IETF Token Status List)."""
    return Response(await results.status(now), media_type="application/statuslist+jwt")


HANDLERS = (
    create_challenge,
    attest,
    list_attestations,
    show_attestation,
    show_inputs,
    show_result,
    list_policies,
    show_policy,
    add_policy,
    activate_policy,
    try_policy,
    jwks,
    status_list,
)
