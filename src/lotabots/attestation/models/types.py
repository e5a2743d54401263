"""What the registry of models takes and gives, as frozen values with their limits."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.attestation.types import MAX_POLICY_TEXT, ProfileRef, Request, Response, SessionKey

MAX_FILES = 20_000
MAX_BUNDLE_TEXT = 8 * 1024 * 1024
MAX_REGISTRATION_BYTES = 32 * 1024 * 1024
MAX_FILE_BYTES = 2**42
"""4 TiB: larger than any file of a model."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
ModelName = Annotated[str, msgspec.Meta(pattern=rf"^{_PART}/{_PART}\Z", max_length=160)]
"""`organisation/name`."""
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Version = Annotated[str, msgspec.Meta(pattern=rf"^{_NUMBER}(?:\.{_NUMBER}){{0,5}}\Z")]
"""Numbers joined by dots, so that of any two one is newer."""
Bundle = Annotated[str, msgspec.Meta(min_length=2, max_length=MAX_BUNDLE_TEXT)]


class Stage(StrEnum):
    """Where a version of a model may run."""

    STAGING = "staging"
    PRODUCTION = "production"


class Move(StrEnum):
    """How a stage gets another version: a newer one, or one that it has had."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class RegisteredFile(Request, frozen=True, kw_only=True):
    """One file of a model by its content."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Sha256


class ModelRegistration(Request, frozen=True, kw_only=True):
    """A version of a model by its manifest, with what was signed over it. No file is needed yet."""

    name: ModelName
    version: Version
    files: Annotated[tuple[RegisteredFile, ...], msgspec.Meta(min_length=1, max_length=MAX_FILES)]
    bundle: Bundle | None = None
    """The Sigstore bundle of OpenSSF Model Signing, as text."""
    strong_bundle: Bundle | None = None
    """Our second statement, which binds names, sizes and tensors."""


class Motion(Request, frozen=True, kw_only=True):
    """Which stage is to have this version, and how."""

    stage: Stage
    move: Move = Move.PROMOTE


class Approving(Motion, frozen=True, kw_only=True):
    """Vouches for a move; `verdict` is the digest of the verdict that the approver has seen."""

    verdict: Sha256 | None = None


class ResultRequest(Request, frozen=True, kw_only=True):
    """Asks for the signed result about a model, bound to this key."""

    session_key: SessionKey
    profile: ProfileRef | None = None


class ModelPolicyUpload(Request, frozen=True, kw_only=True):
    """A trust policy for models as YAML or JSON text."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_POLICY_TEXT)]


class ModelSummary(Response, frozen=True, kw_only=True):
    """One version of a model in a list."""

    digest: str
    name: str
    version: str
    registered_by: UUID
    registered_at: datetime
    outcome: str | None
    """Of its newest verification that ended; None before the first."""
    stages: tuple[str, ...] = ()
    """The stages that have this version now."""


class ModelPage(Response, frozen=True, kw_only=True):
    """One page, newest first. `next` is the cursor of the page after it."""

    items: tuple[ModelSummary, ...]
    next: str | None


class ModelFile(Response, frozen=True, kw_only=True):
    """One file of a model, and whether its content was uploaded."""

    path: str
    size: int
    sha256: str
    uploaded: bool


class ModelVersion(Response, frozen=True, kw_only=True):
    """Another version under the same name."""

    digest: str
    version: str
    registered_at: datetime


class Approval(Response, frozen=True, kw_only=True):
    """Who vouched for a move of the model, and under which verdict."""

    stage: str
    move: str
    verdict_digest: str
    approved_by: UUID
    approved_at: datetime


class StageMove(Response, frozen=True, kw_only=True):
    """One move of a stage."""

    stage: str
    number: int
    digest: str
    version: str
    move: str
    moved_by: UUID
    moved_at: datetime


class Running(Response, frozen=True, kw_only=True):
    """A node whose newest attestation names this model."""

    node: UUID
    name: str
    status: str
    at: datetime


class Verification(Response, frozen=True, kw_only=True):
    """The work of judging one model: how far it is, and its outcome once it is done."""

    id: UUID
    digest: str
    state: str
    asked_by: UUID
    asked_at: datetime
    done_bytes: int
    total_bytes: int
    ended_at: datetime | None
    error: str | None
    policy_id: str | None
    outcome: str | None
    verdict_digest: str | None


class Model(ModelSummary, frozen=True, kw_only=True):
    """One model with everything the registry knows of it."""

    files: tuple[ModelFile, ...]
    signed: bool
    strong: bool
    """Whether a second statement binds names, sizes and tensors."""
    versions: tuple[ModelVersion, ...]
    verification: Verification | None
    """The newest."""
    verdict: dict[str, object] | None
    """The newest verdict with signers, findings and controls."""
    approvals: tuple[Approval, ...]
    approvals_needed: int
    """Of others than who registered it, for each move."""
    moves: tuple[StageMove, ...]
    running: tuple[Running, ...]


class ModelPolicySummary(Response, frozen=True, kw_only=True):
    """A trust policy for models."""

    id: str
    active: bool


class ModelPolicyText(ModelPolicySummary, frozen=True, kw_only=True):
    """A trust policy with its source."""

    source: str
