"""The rules of one challenge: what it holds, who may use it when, and what its use can change."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import msgspec

from lotabots.appraisal import LIGHT_KINDS, Outcome, Part, Scope, Verdict
from lotabots.attestation.types import DeclaredDevice, SessionKey, SubmittedEvidence
from lotabots.evidence import DerivedChallenge, Evidence, InventoryItem, Level
from lotabots.kernel import (
    Kind,
    LotaError,
    Principal,
    Role,
    VerifyingKey,
    decode_base64,
    decode_base64url,
    encode_base64url,
    equal,
    invalid,
    sha256,
)

LIFETIME = timedelta(seconds=60)
FARTHEST = timedelta(minutes=5)
"""A challenge is given ahead for an attestation that is due within this: its nonce is known to the
node all that while, and what it then signs may be as old."""
NONCE_BYTES = 32
REVOKED = "revoked"
_ASKED = frozenset({"host", "model"})
"""Kinds of what a challenge asks for beside the node's devices."""


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge as it is stored: the nonce by hash, the inventory as it was when it was made."""

    id: UUID
    node_id: UUID
    policy_id: str
    nonce_sha256: bytes
    session_key_sha256: str
    inventory: bytes
    expires_at: datetime
    scope: Scope = Scope.FULL

    def derived(self, server: str, nonce: bytes) -> DerivedChallenge:
        """What each device of the node has to carry (DESIGN section 7, Challenge)."""
        return DerivedChallenge(
            server=server,
            challenge=str(self.id),
            node=str(self.node_id),
            session_key_sha256=self.session_key_sha256,
            nonce=nonce,
            inventory=unpack_inventory(self.inventory),
        )


def pack_inventory(items: Sequence[InventoryItem]) -> bytes:
    """The inventory as bytes for the challenge's row."""
    return msgspec.json.encode([(item.kind, item.device_id) for item in items])


def unpack_inventory(data: bytes) -> tuple[InventoryItem, ...]:
    """The inventory that `pack_inventory` wrote."""
    pairs = msgspec.json.decode(data, type=list[tuple[str, str]])
    return tuple(InventoryItem(kind=kind, device_id=device_id) for kind, device_id in pairs)


def device_hash(device: DeclaredDevice | InventoryItem) -> bytes:
    """32 bytes by which a device is unique over all tenants, and which do not say what it is."""
    return sha256(f"lotabots/v1/device/{device.kind}/{device.device_id}".encode())


def read_nonce(text: str) -> bytes:
    """The 32 bytes of a nonce's text. Raises `CHALLENGE_NONCE_MALFORMED`."""
    try:
        nonce = decode_base64url(text)
    except LotaError as error:
        raise _malformed_nonce() from error
    if len(nonce) != NONCE_BYTES:
        raise _malformed_nonce()
    return nonce


def _malformed_nonce() -> LotaError:
    return invalid("CHALLENGE_NONCE_MALFORMED", "A nonce is 32 bytes in base64url without padding.")


def check_use(challenge: Challenge, *, nonce: str, session_key_sha256: str, now: datetime) -> bytes:
    """The nonce, if it, the session key and the moment are the challenge's own.

    Call it only after the challenge is spent. Raises LotaError: `CHALLENGE_EXPIRED`,
    `CHALLENGE_NONCE_MALFORMED`, `CHALLENGE_NONCE_MISMATCH`, `CHALLENGE_SESSION_KEY_MISMATCH`.
    """
    if now >= challenge.expires_at:
        raise LotaError(Kind.CONFLICT, "CHALLENGE_EXPIRED", "The challenge's time is over.")
    raw = read_nonce(nonce)
    if not equal(sha256(raw), challenge.nonce_sha256):
        raise invalid("CHALLENGE_NONCE_MISMATCH", "This is not the nonce of this challenge.")
    if not equal(session_key_sha256.encode(), challenge.session_key_sha256.encode()):
        raise invalid(
            "CHALLENGE_SESSION_KEY_MISMATCH", "The challenge was made for another session key."
        )
    return raw


def check_node(principal: Principal, node_id: UUID) -> None:
    """Returns only if the caller may act for this node: an agent for its own, others for any.

    What the role as such may do has been decided before. Raises `NODE_NOT_YOURS`.
    """
    if principal.role is Role.AGENT and principal.node_id != str(node_id):
        raise LotaError(
            Kind.AUTHORIZATION, "NODE_NOT_YOURS", "An agent acts for its own node only."
        )


def check_life(principal: Principal, lifecycle: str, key_thumbprint: str | None) -> None:
    """Returns only if an agent may still act for its node; for whoever is no agent it returns.

    The token was believed before; this is what became of node and key since. `key_thumbprint` None:
    the node has not enrolled. Raises `NODE_REVOKED`, `CREDENTIAL_REPLACED`.
    """
    if principal.role is not Role.AGENT:
        return
    if lifecycle == REVOKED:
        raise revoked()
    # A node that enrolled is spoken for by its own key alone: not by a user who was made its agent.
    if key_thumbprint not in (None, principal.key_thumbprint):
        detail = "This credential is not the one that the node has now."
        raise LotaError(Kind.AUTHORIZATION, "CREDENTIAL_REPLACED", detail)


def check_own_key(session_key_sha256: str, key_thumbprint: str | None) -> None:
    """Returns only if a challenge's session key is that of the node's agent, whoever calls.

    Results are bound to it, and verdicts say that the node enrolled with it. `key_thumbprint` as in
    `check_life`. Raises `CHALLENGE_SESSION_KEY_MISMATCH`.
    """
    own = encode_base64url(bytes.fromhex(session_key_sha256))
    if key_thumbprint not in (None, own):
        detail = "The node's agent has another session key."
        raise invalid("CHALLENGE_SESSION_KEY_MISMATCH", detail)


def check_inventory(asked: Sequence[InventoryItem], pinned: Sequence[InventoryItem]) -> None:
    """Returns only if what was asked for are the devices that are pinned to the node now.

    An operator may have changed them since the challenge was made. Raises
    `CHALLENGE_INVENTORY_CHANGED`.
    """
    before, now = ({one for one in items if one.kind not in _ASKED} for items in (asked, pinned))
    if before != now:
        detail = "The node's devices were changed since this challenge was made."
        raise LotaError(Kind.CONFLICT, "CHALLENGE_INVENTORY_CHANGED", detail)


def revoked() -> LotaError:
    """The refusal of a node that an operator ended."""
    return LotaError(Kind.AUTHORIZATION, "NODE_REVOKED", "An operator has revoked this node.")


def asked_of(
    inventory: Sequence[InventoryItem], host: InventoryItem | None, scope: Scope
) -> tuple[InventoryItem, ...]:
    """What a challenge of this scope asks for: the host is asked where the node has an agent.

    Raises `CHALLENGE_LIGHT_EMPTY`.
    """
    items = (*inventory, *(() if host is None else (host,)))
    if scope is Scope.FULL:
        return items
    items = tuple(item for item in items if item.kind in LIGHT_KINDS)
    if not items:
        detail = "This node has neither a TPM nor an agent: there is nothing light about it."
        raise LotaError(Kind.CONFLICT, "CHALLENGE_LIGHT_EMPTY", detail)
    return items


def decode_evidence(items: Sequence[SubmittedEvidence]) -> tuple[Evidence, ...]:
    """The evidence as bytes, still untrusted.

    Raises LotaError: `EVIDENCE_BASE64`, `EVIDENCE_DUPLICATE_SUBJECT`.
    """
    evidence = tuple(_decode(item) for item in items)
    if len({item.subject for item in evidence}) != len(evidence):
        raise invalid("EVIDENCE_DUPLICATE_SUBJECT", "One subject has evidence twice.")
    return evidence


def _decode(item: SubmittedEvidence) -> Evidence:
    try:
        data = decode_base64(item.data)
        certificates = item.certificates.encode("ascii")
    except (LotaError, UnicodeEncodeError) as error:
        raise invalid(
            "EVIDENCE_BASE64",
            f"The evidence of {item.subject} is not base64 data with PEM certificates.",
            subject=item.subject,
        ) from error
    return Evidence(scheme=item.scheme, subject=item.subject, data=data, certificates=certificates)


def speaks(part: Part) -> bool:
    """Whether a part proves who sent it: chain, signature and nonce all held.

    What fails before that could come from anyone, so it says nothing about the device
    (DESIGN section 7, Standing).
    """
    return part.level is not Level.NONE and part.facts.get("nonce") == "match"


def speaks_for(principal: Principal, node: str) -> bool:
    """Whether the caller is that node itself."""
    return principal.role is Role.AGENT and principal.node_id == node


def new_standing(verdict: Verdict, principal: Principal) -> Outcome | None:
    """How the node stands after this verdict; None where it counts as silence.

    Only a submission as the node itself counts, and only if every device in it proves who sent it.
    A device of the inventory that sent nothing does not silence the others: what is missing is the
    node's own statement.
    """
    sent = {item.subject for item in verdict.evidence}
    parts = [part for part in verdict.parts if part.subject in sent]
    if not speaks_for(principal, verdict.node):
        return None
    return verdict.outcome if parts and all(map(speaks, parts)) else None


@lru_cache(maxsize=1024)  # a pure function of the key; a node uses one key many times
def session_key_digest(key: SessionKey) -> str:
    """The SHA-256 of a session key as lowercase hex: its RFC 7638 thumbprint. Raises `KEY_*`."""
    return VerifyingKey.from_jwk(msgspec.to_builtins(key)).thumbprint().hex()
