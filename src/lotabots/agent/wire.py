"""What the agent says to the server and hears from it; fields that it does not use are left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from lotabots.evidence import DerivedChallenge, Evidence, Finding, InventoryItem
from lotabots.kernel import LotaError, decode_base64url, encode_base64, invalid

Scope = Literal["full", "light"]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A body of ours; what is None is left out."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A body of the server's: a field that we do not know is of a newer one."""


class TpmKeys(Said, frozen=True, kw_only=True):
    """The keys of a node's TPM, as they enrol."""

    ek_certificates: str
    """PEM, the endorsement key's first."""
    ek_public: str
    """Base64 of TPMT_PUBLIC."""
    ak_public: str
    """Base64 of TPMT_PUBLIC."""


class EnrolmentRequest(Said, frozen=True, kw_only=True):
    """What a node says of itself to enrol."""

    token: str
    name: str
    session_key: dict[str, str]
    identity: str
    tpm: TpmKeys | None
    inventory: tuple[InventoryItem, ...]


class Enrolment(Heard, frozen=True, kw_only=True):
    """An enrolment to be activated; its id becomes the node's."""

    id: UUID
    tenant: UUID
    credential_blob: str | None = None
    """Base64 of what the TPM alone opens."""
    secret_for_software: str | None = None
    """Base64 of the secret itself, where there is no TPM."""


class Credential(Heard, frozen=True, kw_only=True):
    """What the agent calls with from now on."""

    node: UUID
    tenant: UUID
    name: str
    server: str
    """What challenges call this server."""
    credential: str
    expires_at: datetime


class Renewal(Heard, frozen=True, kw_only=True):
    """What a renewal has to carry."""

    id: UUID
    nonce: str
    """32 bytes, base64url."""


class TpmPlace(Heard, frozen=True, kw_only=True):
    """Where the node's TPM stood, and which logs go with the next quote in the same boot."""

    reset_count: int
    restart_count: int
    ima_entries: int
    """From which entry of the list of measured files (IMA) to go on."""
    event_log: bool = True
    """Whether the firmware's log is needed."""


class Device(Heard, frozen=True, kw_only=True):
    """One device that a challenge asks for."""

    subject: str
    kind: str
    index: int
    device_id: str


class Challenge(Heard, frozen=True, kw_only=True):
    """A challenge as the server issues it."""

    id: UUID
    nonce: str
    expires_at: datetime
    server: str
    node: UUID
    inventory: tuple[Device, ...]
    scope: Scope = "full"
    full_due: bool = False
    """Whether only a full attestation would be accepted now."""
    tpm: TpmPlace | None = None

    def derived(self, thumbprint: bytes) -> DerivedChallenge:
        """What each device has to carry, for the session key with this thumbprint.

        Raises `CHALLENGE_MALFORMED`.
        """
        try:
            nonce = decode_base64url(self.nonce)
        except LotaError as error:
            raise invalid("CHALLENGE_MALFORMED", "The nonce is no base64url.") from error
        return DerivedChallenge(
            server=self.server,
            challenge=str(self.id),
            node=str(self.node),
            session_key_sha256=thumbprint.hex(),
            nonce=nonce,
            inventory=tuple(InventoryItem(one.kind, one.device_id) for one in self.inventory),
        )


class Following(Heard, frozen=True, kw_only=True):
    """What is to be sent next, and when."""

    scope: Scope
    after_seconds: int


class JudgedDevice(Heard, frozen=True, kw_only=True):
    """How one device came out."""

    subject: str
    status: str
    level: str


class Attested(Heard, frozen=True, kw_only=True):
    """The verdict on what was sent, and what comes next."""

    id: UUID
    status: Literal["accepted", "rejected", "inconclusive"]
    tier: int
    simulated: bool
    first_reason: Finding | None
    findings: tuple[Finding, ...]
    devices: tuple[JudgedDevice, ...]
    policy: str
    result: str
    """The signed result, bound to the session key."""
    next: Following
    challenge: Challenge | None = None


def submission(
    challenge: Challenge, session_key: dict[str, str], evidence: Sequence[Evidence]
) -> dict[str, object]:
    """The body that answers a challenge, and asks for the next one."""
    return {
        "challenge": challenge.id,
        "nonce": challenge.nonce,
        "session_key": session_key,
        "next_challenge": True,
        "evidence": [
            {
                "subject": one.subject,
                "scheme": one.scheme,
                "data": encode_base64(one.data),
                "certificates": one.certificates.decode("ascii", "replace"),
            }
            for one in evidence
        ],
    }
