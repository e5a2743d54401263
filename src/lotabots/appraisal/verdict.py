"""The verdict: outcome, tiers, parts and findings, and the bytes that a replay must reproduce."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias, get_args

import msgspec

from lotabots.appraisal.accepted import Accepted
from lotabots.evidence import Cause, Finding, Level
from lotabots.kernel import canonical, format_time, sha256_hex, strict_struct

MAX_VERDICT_BYTES = 4 * 1024 * 1024

AFFIRMING = 2
WARNING = 32
NO_CLAIM = 0
CONTRAINDICATED = 96
UNRECOGNISED = 97
"""The tier of a part whose hardware is a simulator's where the policy does not allow it."""

TIERS_BEST_FIRST = (AFFIRMING, WARNING, NO_CLAIM, CONTRAINDICATED, UNRECOGNISED)
"""AR4SI tiers in our order: what could not be judged ranks below an accepted warning."""

VectorName: TypeAlias = Literal[
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
]
"""The names of the AR4SI trustworthiness vector (draft-ietf-rats-ar4si, section 2.3)."""

VECTOR: tuple[VectorName, ...] = get_args(VectorName)


class Outcome(StrEnum):
    """What the verdict says. `inconclusive` means: could not judge; it is never a pass."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


class Strength(StrEnum):
    """How well two things are tied together; graded openly, never rounded up."""

    STRONG = "strong"
    WEAK = "weak"
    NONE = "none"


class Binding(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One tie between two things that a verdict speaks about, and why it has its strength."""

    between: str
    """Two names joined by a hyphen, e.g. `gpu-host`."""
    strength: Strength
    why: str
    accepted: Accepted | None = None
    """Who puts up with it as it is, by which the policy names it; left out where nobody does."""


class EvidenceDigest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was judged, by content: lowercase hex SHA-256 of data and of certificates."""

    subject: str
    data_sha256: str
    certificates_sha256: str


class Appraiser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who judged: the version and the `appraiser_digest` of the pure packages."""

    version: str
    digest: str


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdict on one device."""

    subject: str
    """Submodule name: `gpu0`, `switch3`; `node` for the rules between devices."""
    kind: str
    outcome: Outcome
    tier: int
    level: Level
    simulated: bool
    vector: Mapping[str, int]
    """AR4SI name to tier, only for the names that a rule spoke about."""
    facts: Mapping[str, object]
    findings: tuple[Finding, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Claims of one node held against one policy. Every digest is lowercase hex SHA-256."""

    outcome: Outcome
    tier: int
    parts: tuple[Part, ...]
    """In the order of the evidence; then devices of the inventory that sent none."""
    facts: Mapping[str, object]
    """The node's facts: what exists only between devices."""
    findings: tuple[Finding, ...]
    """All findings of the node and of every part, in stable order, worst cause first."""
    bindings: tuple[Binding, ...]
    policy_id: str
    reference_digest: str
    """Of `{scheme: digest}`: the reference values that each scheme could use."""
    collateral_digest: str
    """Of `{scheme: digest}`: what stated revocation."""
    evidence: tuple[EvidenceDigest, ...]
    challenge: str
    """The challenge id; empty where the nonce was given by hand."""
    node: str
    evaluated_at: datetime
    appraiser: Appraiser

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of this verdict: the same inputs give the same bytes, anywhere."""
        plain = msgspec.to_builtins(self, builtin_types=(datetime,))
        plain["evaluated_at"] = format_time(self.evaluated_at)
        return canonical(plain)

    @property
    def digest(self) -> str:
        """Lowercase hex SHA-256 of `canonical()`: the appraisal digest."""
        return sha256_hex(self.canonical())

    @property
    def simulated(self) -> bool:
        """Whether any part stands on a simulator's trust anchor."""
        return any(part.simulated for part in self.parts)

    def first_reason(self) -> Finding | None:
        """The finding to show when there is room for one; None where nothing was found."""
        return self.findings[0] if self.findings else None

    @classmethod
    def read(cls, data: bytes) -> "Verdict":
        """The verdict that `canonical()` wrote. Raises LotaError (JSON_*)."""
        return strict_struct(data, cls, max_bytes=MAX_VERDICT_BYTES)


def worst(tiers: Iterable[int]) -> int:
    """The worst of these tiers; 0 (could not judge) where there is none."""
    return max(tiers, key=TIERS_BEST_FIRST.index, default=NO_CLAIM)


def outcome_of(tier: int) -> Outcome:
    """What a tier means for a relying party."""
    if tier in (AFFIRMING, WARNING):
        return Outcome.ACCEPTED
    return Outcome.INCONCLUSIVE if tier == NO_CLAIM else Outcome.REJECTED


def tier_of(cause: Cause) -> int:
    """The tier that a finding of this cause leaves at best."""
    match cause:
        case Cause.WARNING:
            return WARNING
        case Cause.COLLATERAL:
            return NO_CLAIM
        case Cause.MALICIOUS | Cause.MISCONFIGURED | Cause.UNSUPPORTED:
            return CONTRAINDICATED


def appraiser_digest(files: Mapping[str, bytes]) -> str:
    """Lowercase hex SHA-256 over the pure packages' sources, given by path relative to `src`."""
    return sha256_hex(canonical({name: sha256_hex(data) for name, data in files.items()}))
