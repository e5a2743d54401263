"""The claims of an attestation result as they stand in the token, in each of the three profiles.

Sources: draft-fv-rats-ear as deployed by Veraison (2023) and Trustee (2024), whose names have dots;
draft-ietf-rats-ear-03 (2026), whose names have underscores; RFC 9711 for the EAT claims; RFC 7800
for `cnf`; draft-ietf-oauth-status-list for `status`. Unknown claims, other types and nulls are
refused; what we issue is held against these shapes before it is signed.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType, field

from lotabots.appraisal import Appraiser, Outcome
from lotabots.evidence import Level
from lotabots.result.tiers import Tier
from lotabots.result.types import BindingGrade, LogEntry, Profile, StatusRef

EXTENSION = "tag:lotabots,2026:ear"
"""The one claim of ours: all that EAR has no place for."""

MAX_PARTS = 64

Seconds = Annotated[int, msgspec.Meta(ge=1, le=253_402_300_799)]  # until the year 9999
Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Submodule = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][A-Za-z0-9_.:/-]{0,127}\Z")]
AnyDigest = Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9a-f]{64})?\Z")]
"""A digest, or empty where nothing was given: no reference, no collateral."""


Claim: TypeAlias = Annotated[int, msgspec.Meta(ge=-128, le=127)] | UnsetType


class Vector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The trustworthiness vector. A claim that nothing speaks about is left out, never null."""

    instance_identity: Claim = UNSET
    configuration: Claim = UNSET
    executables: Claim = UNSET
    file_system: Claim = UNSET
    hardware: Claim = UNSET
    runtime_opaque: Claim = UNSET
    storage_opaque: Claim = UNSET
    sourced_data: Claim = UNSET


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The EAT claims of a submodule, each only where a device signature proves it.

    `ueid` and `hwmodel` are base64url of bytes, `oemid` is a private enterprise number.
    """

    ueid: Name | UnsetType = UNSET
    oemid: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] | UnsetType = UNSET
    hwmodel: Name | UnsetType = UNSET
    dbgstat: (
        Literal[
            "enabled",
            "disabled",
            "disabled-since-boot",
            "disabled-permanently",
            "disabled-fully-and-permanently",
        ]
        | UnsetType
    ) = UNSET


class DeployedSubmodule(Identity, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device in the profiles of 2023 and 2024."""

    status: Tier = field(name="ear.status")
    vector: Vector = field(name="ear.trustworthiness-vector")
    policy: Text = field(name="ear.appraisal-policy-id")

    def policies(self) -> tuple[str, ...]:
        """The policies that were applied, in order."""
        return (self.policy,)


class DraftSubmodule(Identity, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device in the profile of 2026."""

    status: Tier = field(name="ear_status")
    vector: Vector = field(name="ear_trustworthiness_vector")
    policy: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=1)] = field(
        name="ear_appraisal_policy_ids"
    )

    def policies(self) -> tuple[str, ...]:
        """The policies that were applied, in order."""
        return self.policy


class VerifierId(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who appraised: the developer and the build."""

    developer: Text
    build: Text


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 7800: the key that the holder of this token must prove to have."""

    jwk: dict[str, str]


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place of this token in a status list."""

    status_list: StatusRef


class PartClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What we say of one device beyond EAR."""

    kind: Submodule
    outcome: Outcome
    level: Level
    simulated: bool
    device: Text | UnsetType = UNSET


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What we say beyond EAR; all digests are lowercase hex SHA-256."""

    verdict: Outcome
    tier: Literal[0, 2, 32, 96, 97]
    appraisal: Digest
    appraiser: Appraiser
    policy: Text
    reference: AnyDigest
    collateral: AnyDigest
    challenge: Annotated[str, msgspec.Meta(max_length=512)]
    bindings: tuple[BindingGrade, ...]
    findings: tuple[Text, ...]
    parts: Annotated[dict[Submodule, PartClaims], msgspec.Meta(min_length=1, max_length=MAX_PARTS)]
    log: LogEntry | None
    needs_receipt: bool = False
    scope: Literal["full", "light"] = "full"


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The claims that the profiles share."""

    eat_profile: Profile
    iss: Text
    aud: Text
    sub: Text
    jti: Name
    iat: Seconds
    exp: Seconds
    eat_nonce: Annotated[str, msgspec.Meta(min_length=12, max_length=88)] | UnsetType = UNSET
    cnf: Confirmation | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    extension: Extension = field(name=EXTENSION)


class DeployedToken(Token, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token of the profiles of 2023 and 2024: no overall status."""

    verifier: VerifierId = field(name="ear.verifier-id")
    submods: Annotated[
        dict[Submodule, DeployedSubmodule], msgspec.Meta(min_length=1, max_length=MAX_PARTS)
    ]


class DraftToken(Token, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token of the profile of 2026."""

    verifier: VerifierId = field(name="ear_verifier_id")
    overall: Tier = field(name="ear_status")
    submods: Annotated[
        dict[Submodule, DraftSubmodule], msgspec.Meta(min_length=1, max_length=MAX_PARTS)
    ]


AnyToken: TypeAlias = DeployedToken | DraftToken


def shape_of(profile: Profile) -> type[DeployedToken] | type[DraftToken]:
    """The claims of a token in this profile."""
    match profile:
        case Profile.VERAISON_2023 | Profile.TRUSTEE_2024:
            return DeployedToken
        case Profile.IETF_2026:
            return DraftToken
