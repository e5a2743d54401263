"""What the attestation API takes and gives, as frozen values with their limits."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from lotabots.evidence import Finding

MAX_DEVICES = 64
"""Of one node. Policies see lists of at most 64."""
MAX_MODELS = 8
"""On one node."""
MAX_DATA_TEXT = 1400 * 1024
"""One piece of evidence as base64: a model's files, of which a statement names each; 1 MiB. What a
device may say is far less, which its scheme sees to."""
MAX_CERTIFICATES_TEXT = 16 * 1024
MAX_POLICY_TEXT = 64 * 1024

# No control characters: NUL cannot be stored, and the rest has no place in a name.
_PLAIN = r"^[^\x00-\x1f\x7f]+\Z"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_PLAIN)]
ModelDigest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
DeviceKind = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,16}\Z")]
DeviceId = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*\Z")]
"""Stands in paths as it is, so with no letter that a path gives a meaning to."""
Subject = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,16}[0-9]{1,3}\Z")]
NodeClass = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
Coordinate = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
PolicyRef = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=_PLAIN)]
ProfileRef = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_PLAIN)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body from outside: a field that we do not know is refused."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A body that we answer with."""


class SessionKey(Request, frozen=True, kw_only=True):
    """The public key, as a JWK, of the party that will use the result (RFC 7517, P-256 only)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


class DeclaredDevice(Request, frozen=True, kw_only=True):
    """One device that a node has, by the id that its certificate will have to carry."""

    kind: DeviceKind
    device_id: DeviceId


class ChallengeRequest(Request, frozen=True, kw_only=True):
    """Asks for a challenge. Without a policy, the one in force is taken."""

    node: UUID
    session_key: SessionKey
    policy: PolicyRef | None = None
    models: Annotated[tuple[ModelDigest, ...], msgspec.Meta(max_length=MAX_MODELS)] = ()
    """The registered models whose files the node is to state, each by its digest."""
    scope: Literal["full", "light"] = "full"


class SubmittedEvidence(Request, frozen=True, kw_only=True):
    """Evidence of one device, still text: it is decoded only when the challenge is spent."""

    subject: Subject
    scheme: Annotated[str, msgspec.Meta(max_length=64, pattern=_PLAIN)]
    data: Annotated[str, msgspec.Meta(max_length=MAX_DATA_TEXT)]
    """Base64 (RFC 4648 section 4, with padding)."""
    certificates: Annotated[str, msgspec.Meta(max_length=MAX_CERTIFICATES_TEXT)]
    """PEM, leaf first."""


class AttestationRequest(Request, frozen=True, kw_only=True):
    """Everything that a node answers a challenge with."""

    challenge: UUID
    nonce: Annotated[str, msgspec.Meta(max_length=64)]
    session_key: SessionKey
    evidence: Annotated[tuple[SubmittedEvidence, ...], msgspec.Meta(max_length=MAX_DEVICES)]
    profile: ProfileRef | None = None
    next_challenge: bool = False
    """Whether the answer is to bring the challenge for the next attestation."""


class PolicyUpload(Request, frozen=True, kw_only=True):
    """A policy as YAML or JSON text."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_POLICY_TEXT)]


class PolicyTrial(Request, frozen=True, kw_only=True):
    """A policy to try against the stored evidence of attestations; nothing is stored."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_POLICY_TEXT)]
    attestations: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=20)] = ()
    """None named: the newest one of each of at most 20 nodes."""


class Device(Response, frozen=True, kw_only=True):
    """One device of a node; `subject` names it in evidence, verdict and result."""

    subject: str
    kind: str
    index: int
    device_id: str
    standing: str | None = None
    standing_at: datetime | None = None


class TpmPlace(Response, frozen=True, kw_only=True):
    """Where the node's TPM stood, and which logs go with the next quote.

    Where the TPM counts other resets or restarts by now, both logs are sent from their beginning.
    """

    reset_count: int
    restart_count: int
    ima_entries: int
    """From which entry of the list of measured files (IMA) to go on."""
    event_log: bool
    """Whether the firmware's log is needed: not where this boot was judged by it."""


class IssuedChallenge(Response, frozen=True, kw_only=True):
    """What a node needs to derive each device's nonce (DESIGN section 7, Challenge)."""

    id: UUID
    nonce: str
    """32 bytes, base64url without padding."""
    expires_at: datetime
    server: str
    node: UUID
    policy: str
    inventory: tuple[Device, ...]
    scope: str
    light_seconds: int
    """How often the policy wants the node to prove itself."""
    full_seconds: int
    """How often with all of its devices."""
    full_due: bool
    """Whether only a full attestation would be accepted, or a full one is due anyway."""
    tpm: TpmPlace | None = None


class Following(Response, frozen=True, kw_only=True):
    """What the node is to send next, and when. It decides how to spread that."""

    scope: str
    after_seconds: int


class AttestedDevice(Response, frozen=True, kw_only=True):
    """The verdict on one device of an attestation, with what it was judged from."""

    subject: str
    kind: str
    device_id: str | None
    status: str
    tier: int
    level: str
    simulated: bool
    facts: dict[str, object] = {}
    findings: tuple[Finding, ...] = ()
    scheme: str | None = None
    data_sha256: str | None = None
    certificates_sha256: str | None = None


class AttestationSummary(Response, frozen=True, kw_only=True):
    """One line of the list of attestations."""

    id: UUID
    hardware_id: str
    attestation_type: str
    status: str
    metadata: dict[str, object]
    created_at: datetime


class Attestation(AttestationSummary, frozen=True, kw_only=True):
    """An attestation with its evidence tree: node, devices, evidence by digest, findings."""

    challenge: UUID
    policy: str
    reference_digest: str
    collateral_digest: str
    appraisal_digest: str
    appraiser: dict[str, str]
    inputs_sha256: str
    facts: dict[str, object]
    findings: tuple[Finding, ...]
    devices: tuple[AttestedDevice, ...]


class Logged(Response, frozen=True, kw_only=True):
    """Where the audit log will prove the attestation: the id of its entry, and its leaf hash."""

    entry: UUID
    leaf: str
    """SHA-256 over 0x00 and the entry (RFC 6962), in hex."""


class Attested(Response, frozen=True, kw_only=True):
    """The answer to a submission: the verdict, every finding, and the signed result."""

    id: UUID
    status: str
    tier: int
    simulated: bool
    first_reason: Finding | None
    findings: tuple[Finding, ...]
    devices: tuple[AttestedDevice, ...]
    policy: str
    appraisal_digest: str
    log: Logged
    result: str
    expires_at: datetime
    next: Following
    challenge: IssuedChallenge | None = None
    """For what comes next, if it was asked for and is not too far off."""


class AttestationPage(Response, frozen=True, kw_only=True):
    """One page, newest first. `next` is the cursor of the page after it."""

    items: tuple[AttestationSummary, ...]
    next: str | None


class ReplayInputs(Response, frozen=True, kw_only=True):
    """Everything that a replay needs: the manifest and its blobs by SHA-256, in base64."""

    manifest: bytes
    blobs: dict[str, bytes]
    appraisal_digest: str
    verdict: bytes


class SignedResult(Response, frozen=True, kw_only=True):
    """A result token of an attestation, and when it ends."""

    result: str
    expires_at: datetime


class PolicySummary(Response, frozen=True, kw_only=True):
    """A policy of this instance or a built-in one."""

    id: str
    name: str
    description: str
    builtin: bool
    active: bool


class PolicyText(PolicySummary, frozen=True, kw_only=True):
    """A policy with its source."""

    source: str


class Trial(Response, frozen=True, kw_only=True):
    """What a policy would have said about one attestation."""

    attestation: UUID
    hardware_id: str
    before: str
    after: str
    findings: tuple[Finding, ...]
