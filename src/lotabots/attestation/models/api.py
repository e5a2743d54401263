"""HTTP of models: register, upload, verify, approve, move, and the signed result."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post, put
from litestar.params import Parameter
from litestar.response import ServerSentEvent

from lotabots.access import Permission
from lotabots.attestation.models import papers, work
from lotabots.attestation.models.contents import Contents
from lotabots.attestation.models.policies import ModelPolicies
from lotabots.attestation.models.progress import events
from lotabots.attestation.models.registry import Registry
from lotabots.attestation.models.results import ModelResults
from lotabots.attestation.models.stages import Stages
from lotabots.attestation.models.types import (
    MAX_FILE_BYTES,
    MAX_REGISTRATION_BYTES,
    Approval,
    Approving,
    Model,
    ModelFile,
    ModelPage,
    ModelPolicySummary,
    ModelPolicyText,
    ModelPolicyUpload,
    ModelRegistration,
    Motion,
    ResultRequest,
    StageMove,
    Verification,
)
from lotabots.attestation.models.uploads import upload
from lotabots.attestation.profiles import choose
from lotabots.attestation.types import SignedResult
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import RateClass, limited, requires

READ = [requires(Permission.MODEL_READ)]
WRITE = [requires(Permission.MODEL_WRITE)]
APPROVE = [requires(Permission.MODEL_APPROVE)]
POLICY_READ = [requires(Permission.POLICY_READ)]
POLICY_WRITE = [requires(Permission.POLICY_WRITE)]

EXPORT = limited(RateClass.EXPORT)

AnyRequest = Request[Any, Any, Any]
Digest = Annotated[str, Parameter(pattern=r"^[0-9a-f]{64}\Z")]
Text = Annotated[str | None, Parameter(max_length=256)]
Path = Annotated[str, Parameter(min_length=1, max_length=1024)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


@post("/v1/models", guards=WRITE, request_max_body_size=MAX_REGISTRATION_BYTES)
async def register_model(
    data: ModelRegistration,
    tx: Transaction,
    registry: Registry,
    principal: Principal,
    now: datetime,
) -> Model:
    """Registers a version of a model by its manifest, under the digest of its content."""
    return await registry.register(tx, principal, data, now)


@get("/v1/models", guards=READ)
async def list_models(
    tx: Transaction, registry: Registry, name: Text = None, after: Text = None, limit: Limit = 50
) -> ModelPage:
    """Models newest first; `next` of a page is `after` of the one behind it."""
    return await registry.listed(tx, name, after, limit)


@get("/v1/models/{digest:str}", guards=READ)
async def show_model(tx: Transaction, registry: Registry, digest: Digest) -> Model:
    """One model: files, versions, verdict with signers and findings, approvals, where it runs."""
    return await registry.show(tx, digest)


@put("/v1/models/{digest:str}/files", guards=WRITE, request_max_body_size=MAX_FILE_BYTES)
async def upload_file(
    request: AnyRequest,
    process: Process,
    contents: Contents,
    principal: Principal,
    digest: Digest,
    path: Path,
) -> ModelFile:
    """Takes the content of one file of the model, as it is; kept if every byte is right."""
    return await upload(process, contents, principal, digest, path, request.stream())


@post("/v1/models/{digest:str}/verify", guards=WRITE, status_code=202)
async def verify_model(
    tx: Transaction, registry: Registry, principal: Principal, now: datetime, digest: Digest
) -> Verification:
    """Begins to judge the model; one that runs already is joined."""
    return await registry.verify(tx, principal, digest, now)


@get("/v1/models/{digest:str}/verifications/{verification_id:uuid}", guards=READ)
async def show_verification(tx: Transaction, digest: Digest, verification_id: UUID) -> Verification:
    """How far a verification is, and its outcome once it is done."""
    return await work.found(tx, digest, verification_id)


@get(
    "/v1/models/{digest:str}/verifications/{verification_id:uuid}/events",
    guards=READ,
    media_type="text/event-stream",
)
async def watch_verification(
    process: Process, principal: Principal, digest: Digest, verification_id: UUID
) -> ServerSentEvent:
    """The same as it goes on, until it ends (server-sent events)."""
    followed: AsyncIterator[Any] = await events(process, principal, digest, verification_id)
    return ServerSentEvent(followed)


@get("/v1/models/{digest:str}/controls", guards=READ, opt=EXPORT)
async def show_controls(
    tx: Transaction, digest: Digest, form: papers.Form = "json"
) -> Response[str | bytes]:
    """The newest report on controls: as JSON, HTML, Markdown, OSCAL, or a SLSA summary."""
    return await papers.report(tx, digest, form)


@get("/v1/models/{digest:str}/bom", guards=READ, opt=EXPORT, media_type=papers.BOM_TYPE)
async def show_bom(tx: Transaction, digest: Digest) -> Response[bytes]:
    """The model as a bill of materials (CycloneDX 1.6)."""
    return await papers.bill(tx, digest)


@post("/v1/models/{digest:str}/approvals", guards=APPROVE)
async def approve_model(
    data: Approving,
    tx: Transaction,
    stages: Stages,
    principal: Principal,
    now: datetime,
    digest: Digest,
) -> list[Approval]:
    """Vouches for a move of the model under its newest verdict; never by who registered it."""
    return list(await stages.approve(tx, principal, digest, data, now))


@post("/v1/models/{digest:str}/moves", guards=WRITE)
async def move_model(
    data: Motion,
    tx: Transaction,
    stages: Stages,
    principal: Principal,
    now: datetime,
    digest: Digest,
) -> StageMove:
    """Gives a stage this version: a promotion, or a rollback to what it has had."""
    return await stages.move(tx, principal, digest, data, now)


@post("/v1/models/{digest:str}/result", guards=READ, status_code=200)
async def model_result(
    data: ResultRequest,
    request: AnyRequest,
    model_results: ModelResults,
    principal: Principal,
    now: datetime,
    digest: Digest,
) -> SignedResult:
    """The signed result about the model as it stands, bound to the caller's key."""
    profile = choose(data.profile, request.headers.get("accept", ""))
    return await model_results.issue(principal, digest, data.session_key, profile, now)


@get("/v1/model-policies", guards=POLICY_READ)
async def list_model_policies(
    tx: Transaction, model_policies: ModelPolicies
) -> list[ModelPolicySummary]:
    """The trust policies for models, newest first."""
    return await model_policies.listed(tx)


@get("/v1/model-policies/{policy:str}", guards=POLICY_READ)
async def show_model_policy(
    tx: Transaction, model_policies: ModelPolicies, policy: str
) -> ModelPolicyText:
    """One trust policy."""
    return await model_policies.show(tx, policy)


@post("/v1/model-policies", guards=POLICY_WRITE)
async def add_model_policy(
    data: ModelPolicyUpload,
    tx: Transaction,
    model_policies: ModelPolicies,
    principal: Principal,
    now: datetime,
) -> ModelPolicyText:
    """Loads a trust policy, and stores it under the digest of its content."""
    return await model_policies.add(tx, principal, data.source.encode(), now)


@post("/v1/model-policies/{policy:str}/activate", guards=POLICY_WRITE, status_code=200)
async def activate_model_policy(
    tx: Transaction,
    model_policies: ModelPolicies,
    principal: Principal,
    now: datetime,
    policy: str,
) -> ModelPolicyText:
    """Puts a trust policy into force for every verification that begins from now on."""
    return await model_policies.activate(tx, principal, policy, now)


HANDLERS = (
    register_model,
    list_models,
    show_model,
    upload_file,
    verify_model,
    show_verification,
    watch_verification,
    show_controls,
    show_bom,
    approve_model,
    move_model,
    model_result,
    list_model_policies,
    show_model_policy,
    add_model_policy,
    activate_model_policy,
)
