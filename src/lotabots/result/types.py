"""What a signed result says, once its signature held: the Result and its parts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from lotabots.appraisal import Accepted, Appraiser, Outcome, Strength
from lotabots.evidence import Level
from lotabots.result.tiers import Tier

MAX_LIFETIME = timedelta(minutes=10)
MAX_RESULT_CHARACTERS = 64 * 1024
RESULT_TYPE = "eat+jwt"
"""The media type of an EAT in a JWT (RFC 9782), as `typ`."""

Index = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Uri = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Profile(StrEnum):
    """The dialects of EAR that we speak; the client chooses."""

    VERAISON_2023 = "tag:github.com,2023:veraison/ear"
    TRUSTEE_2024 = "tag:github.com,2024:confidential-containers/Trustee"
    IETF_2026 = "tag:ietf.org,2026:rats/ear#03"


class StatusRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a result's status stands: a place in the status list at this address."""

    idx: Index
    uri: Uri


class LogEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The appraisal's place in the audit log, and the receipt once a checkpoint holds it.

    The receipt is a C2SP tlog-proof whose extra data is the entry that the leaf is the hash of.
    """

    index: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    receipt: str | None = None


class BindingGrade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How strongly two things are tied together; why stands in the verdict."""

    between: str
    strength: Strength
    accepted: Accepted | None = None
    """Who puts up with it as it is, by a rule of the policy, until when, and why."""


class ResultPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a result says of one device."""

    subject: str
    """Submodule name: `gpu0`, `switch3`, `node`."""
    kind: str
    outcome: Outcome
    level: Level
    simulated: bool
    status: Tier
    """For readers of plain EAR. It admits nothing: `outcome` and `level` do."""
    vector: Mapping[str, int]
    device: str
    """The device id that its own signature proved; empty where none is proven."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A result whose signature and shape held. Whether it may be acted upon, `admit` decides."""

    profile: Profile
    issuer: str
    audience: str
    subject: str
    """The node."""
    token_id: str
    issued_at: datetime
    expires_at: datetime
    session_key: Mapping[str, str] | None
    """The public JWK that the holder proves possession of (`cnf`)."""
    nonce: bytes | None
    verdict: Outcome
    tier: int
    """Ours: 2, 32, 0, 96 or 97; the worst of the required parts, 97 where hardware is simulated."""
    appraisal: str
    """Lowercase hex SHA-256 of the verdict's canonical bytes."""
    appraiser: Appraiser
    policy_id: str
    reference_digest: str
    collateral_digest: str
    challenge: str
    bindings: tuple[BindingGrade, ...]
    findings: tuple[str, ...]
    """Codes of the verdict's findings, worst first, each once, at most `MAX_FINDINGS`."""
    parts: tuple[ResultPart, ...]
    status: StatusRef | None
    log: LogEntry | None
    needs_receipt: bool = False
    """Whether its policy makes it of use only with a receipt that holds."""
    scope: Literal["full", "light"] = "full"
    """`light`: of its root of trust and its host alone, on the strength of a full one before."""


MAX_FINDINGS = 16
