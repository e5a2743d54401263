"""The agents of the demonstration: each node joins with a token and its SIMULATED TPM."""

from base64 import b64encode
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.access import activation_proof, renewal_data
from lotabots.cli.client import Client
from lotabots.kernel import (
    OPERATOR_TENANT,
    SigningKey,
    decode_base64,
    decode_base64url,
    encode_base64,
    encode_base64url,
)
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Node, SimulatedTpm

POWERED_ON = datetime(2026, 1, 1, tzinfo=UTC)
"""Since when the TPM of each node runs: its clock goes on from one demonstration to the next."""


class Token(msgspec.Struct):
    """With what one node may join."""

    token: str


class Enrolment(msgspec.Struct):
    """The first step's answer: what the TPM alone opens."""

    id: UUID
    tenant: UUID
    credential_blob: str


class Renewal(msgspec.Struct):
    """What a quote has to carry for a new credential."""

    id: UUID
    nonce: str


class Credential(msgspec.Struct):
    """What the agent calls with."""

    node: UUID
    credential: str


class Agent:
    """A node of the demonstration and its agent, whose key is new each time."""

    def __init__(self, url: str, node: Node) -> None:
        self.key = SigningKey(generate_private_key(SECP256R1()))
        self.client = Client(url, key=self.key)
        self.node = node if node.tpm is None else node.with_tpm(_now(node.tpm))
        self.id = ""

    def join(self, administrator: Client) -> None:
        """Enrols with a token that the administrator makes for this node."""
        asked = {"name": self.node.name, "identity": "tpm"}
        token = msgspec.json.decode(administrator.post("/v1/enrolment-tokens", asked), type=Token)
        body = {
            "token": token.token,
            "name": self.node.name,
            "session_key": self.jwk,
            "identity": "tpm",
            "tpm": {
                "ek_certificates": self.tpm.certificates.decode(),
                "ek_public": b64encode(self.tpm.ek.public).decode(),
                "ak_public": b64encode(self.tpm.ak.public).decode(),
            },
            "inventory": [
                {"kind": item.kind, "device_id": item.device_id}
                for item in self.node.inventory
                if item.kind != "tpm"
            ],
        }
        begun = msgspec.json.decode(self.client.post("/v1/enrolments", body), type=Enrolment)
        secret = self.tpm.activate_credential(decode_base64(begun.credential_blob))
        proof = encode_base64(activation_proof(secret, begun.id, self.thumbprint))
        path = f"/v1/enrolments/{begun.id}/activation"
        self._take(self.client.post(path, {"tenant": begun.tenant, "proof": proof}))

    def renew(self, node_id: str) -> None:
        """Gets a credential for the node that this TPM enrolled earlier, by a quote of it."""
        body: dict[str, object] = {"tenant": OPERATOR_TENANT, "node": node_id}
        renewal = msgspec.json.decode(self.client.post("/v1/renewals", body), type=Renewal)
        quoted = self.tpm.quote(renewal_data(decode_base64url(renewal.nonce), self.thumbprint))
        proof = {
            "tenant": OPERATOR_TENANT,
            "nonce": renewal.nonce,
            "quote": encode_base64(quoted.attest),
            "signature": encode_base64(quoted.signature),
        }
        self._take(self.client.post(f"/v1/renewals/{renewal.id}", proof))

    @property
    def tpm(self) -> SimulatedTpm:
        """Its TPM; every node of the demonstration has one."""
        if self.node.tpm is None:
            raise ValueError(f"{self.node.name} has no TPM")
        return self.node.tpm

    @property
    def thumbprint(self) -> str:
        """Of its session key, as texts name it."""
        return encode_base64url(self.key.verifying.thumbprint())

    @property
    def jwk(self) -> dict[str, str]:
        """Its public session key."""
        return session_jwk(self.key)

    def _take(self, answer: bytes) -> None:
        given = msgspec.json.decode(answer, type=Credential)
        self.id, self.client.token = str(given.node), given.credential


def session_jwk(key: SigningKey) -> dict[str, str]:
    """The public part as the API takes it."""
    public = key.jwk_public()
    return {name: public[name] for name in ("kty", "crv", "x", "y")}


def _now(tpm: SimulatedTpm) -> SimulatedTpm:
    return tpm.later(int((utc_now() - POWERED_ON).total_seconds() * 1000))
