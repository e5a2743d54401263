"""What enrolling and renewing take and give, and what is kept between their steps."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from lotabots.attestation.types import (
    MAX_DEVICES,
    DeclaredDevice,
    Name,
    NodeClass,
    PolicyRef,
    Request,
    Response,
    SessionKey,
)

MAX_MINUTES = 60
MAX_OWN_DEVICES = MAX_DEVICES - 2
"""Beside its TPM and the host itself."""
MAX_CERTIFICATES_TEXT = 32 * 1024
"""An endorsement key's certificate and its intermediates in PEM."""
MAX_KEY_TEXT = 2048
MAX_QUOTE_TEXT = 4096

_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY_TEXT)]
_Quote = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUOTE_TEXT)]
_Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class TokenRequest(Request, frozen=True, kw_only=True):
    """Asks for a token with which one node may enrol, once."""

    name: Name | None = None
    """What the node will be called; left out: what it calls itself."""
    node_class: NodeClass = "gpu"
    policy: PolicyRef | None = None
    """By which policy it is judged; left out: by the one in force."""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MAX_MINUTES)] = MAX_MINUTES
    identity: Literal["any", "tpm"] = "any"
    """`tpm`: a node without TPM is refused."""


class MadeToken(Response, frozen=True, kw_only=True):
    """The token, shown this once, and what its holder types after `lotabots agent join`."""

    id: UUID
    token: str
    join: str
    expires_at: datetime


class TpmKeys(Request, frozen=True, kw_only=True):
    """The keys of a node's TPM, still text."""

    ek_certificates: Annotated[str, msgspec.Meta(max_length=MAX_CERTIFICATES_TEXT)]
    """PEM, the endorsement key's first."""
    ek_public: _Key
    ak_public: _Key
    """Endorsement key and attestation key, each base64 of its TPMT_PUBLIC."""


class EnrolmentRequest(Request, frozen=True, kw_only=True):
    """What a node says of itself to enrol. Its session key is the one of its DPoP proof."""

    token: Annotated[str, msgspec.Meta(max_length=200)]
    name: Name
    session_key: SessionKey
    identity: Literal["tpm", "software"]
    tpm: TpmKeys | None = None
    inventory: Annotated[tuple[DeclaredDevice, ...], msgspec.Meta(max_length=MAX_OWN_DEVICES)] = ()
    """Its devices without the TPM, which follows from its keys."""


class Enrolment(Response, frozen=True, kw_only=True):
    """An enrolment that waits for its activation. Its id is going to be the node's."""

    id: UUID
    tenant: UUID
    expires_at: datetime
    credential_blob: str | None
    """Base64 of TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, for TPM2_ActivateCredential."""
    secret_for_software: str | None
    """Base64 of the secret itself, where there is no TPM to open it."""


class Activation(Request, frozen=True, kw_only=True):
    """The proof that the node has the secret (`access.activation_proof`), in base64."""

    tenant: UUID
    proof: _Secret


class Credential(Response, frozen=True, kw_only=True):
    """The credential of a node's agent, bound to its session key."""

    node: UUID
    tenant: UUID
    name: str
    server: str
    """What challenges call this server."""
    credential: str
    expires_at: datetime


class RenewalRequest(Request, frozen=True, kw_only=True):
    """Asks for what a renewing quote has to carry."""

    tenant: UUID
    node: UUID


class Renewal(Response, frozen=True, kw_only=True):
    """A renewal that waits for its proof."""

    id: UUID
    nonce: str
    """32 bytes, base64url without padding."""
    expires_at: datetime


class RenewalProof(Request, frozen=True, kw_only=True):
    """What a renewal is answered with; its DPoP proof is of the key that the credential is for.

    A node without TPM sends no quote: its DPoP proof is of the key that it enrolled with.
    """

    tenant: UUID
    nonce: _Secret
    quote: _Quote | None = None
    """Base64 of TPMS_ATTEST."""
    signature: _Quote | None = None
    """Base64 of TPMT_SIGNATURE."""


class KnownTpm(msgspec.Struct, frozen=True, kw_only=True):
    """A TPM whose keys were looked at."""

    device_id: str
    ek_certificates: bytes
    """PEM, the endorsement key's first."""
    ek_public: bytes
    ak_public: bytes
    """Both as TPMT_PUBLIC."""
    ak_name: bytes
    root: bytes
    """SHA-256 of the SubjectPublicKeyInfo of the root that vouches for it."""
    simulated: bool
    """That root is one of the setting `attestation.simulated_anchors`."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment between its steps: what becomes a node if its proof is right."""

    name: str
    node_class: str
    policy: str | None
    identity: str
    key_thumbprint: str
    devices: tuple[DeclaredDevice, ...]
    """Without the TPM."""
    tpm: KnownTpm | None

    def inventory(self) -> tuple[DeclaredDevice, ...]:
        """All that is pinned to the node."""
        if self.tpm is None:
            return self.devices
        return (*self.devices, DeclaredDevice(kind="tpm", device_id=self.tpm.device_id))
