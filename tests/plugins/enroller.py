"""What an agent does to become a node's, and to stay it: enrols, calls with its credential, renews.

agent = Joiner(api)
await agent.join(await make_token(api))
await agent.call("POST", "/v1/challenges", {...})
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from plugins.api import Api
from plugins.people import Prover

from lotabots.access import activation_proof, renewal_data
from lotabots.evidence import EnrolledTpm
from lotabots.kernel import Role, decode_base64url, encode_base64url
from lotabots.runtime.clock import utc_now
from lotabots.simulator.tpm import SimulatedTpm

HERE = "http://127.0.0.1:8470"
"""Where an API in the test's own process is: give it `TokenSettings(public_url=HERE)`."""


async def make_token(api: Api, **asked: object) -> str:
    answer = await api.post("/v1/enrolment-tokens", asked, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def some_device(kind: str = "gpu") -> dict[str, str]:
    """A device that no other test has."""
    return {"kind": kind, "device_id": uuid4().hex}


@dataclass
class Joiner:
    """An agent without a TPM, and its one session key."""

    api: Api
    devices: list[dict[str, str]] = field(default_factory=lambda: [some_device()])
    prover: Prover = field(default_factory=Prover)
    name: str = field(default_factory=lambda: f"node-{uuid4().hex[:8]}")
    node: str = ""
    credential: str = ""
    clock: Callable[[], datetime] = utc_now
    origin: str = ""
    """Where it reaches the server, where that is not where the test does."""

    @property
    def thumbprint(self) -> str:
        return encode_base64url(self.prover.key.verifying.thumbprint())

    @property
    def session_key(self) -> dict[str, str]:
        public = self.prover.key.jwk_public()
        return {name: public[name] for name in ("kty", "crv", "x", "y")}

    def proof(self, method: str, path: str, token: str | None = None) -> str:
        url = f"{self.origin or self.api.servers.url or HERE}{path.partition('?')[0]}"
        return self.prover.proof(method, url, token, iat=int(self.clock().timestamp()))

    def asked(self, token: str) -> dict[str, Any]:
        """The body of the first step."""
        return {
            "token": token,
            "name": self.name,
            "session_key": self.session_key,
            "identity": "software",
            "inventory": self.devices,
        }

    async def send(self, path: str, body: object) -> httpx.Response:
        """A public call with a proof of the session key."""
        proof = self.proof("POST", path)
        return await self.api.post(path, body, as_=None, headers={"dpop": proof})

    async def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A call with the credential."""
        proof = self.proof(method, path, self.credential)
        headers = {"authorization": f"DPoP {self.credential}", "dpop": proof}
        other = {} if body is None else {"json": body}
        return await self.api.request(method, path, None, headers=headers, **other)

    async def begin(self, token: str, /, **other: object) -> httpx.Response:
        return await self.send("/v1/enrolments", self.asked(token) | other)

    def opened(self, begun: dict[str, Any]) -> bytes:
        """The secret of an enrolment."""
        return base64.b64decode(begun["secret_for_software"])

    async def activate(self, begun: dict[str, Any], /, **other: object) -> httpx.Response:
        proof = activation_proof(self.opened(begun), UUID(begun["id"]), self.thumbprint)
        body = {"tenant": begun["tenant"], "proof": base64.b64encode(proof).decode()}
        return await self.send(f"/v1/enrolments/{begun['id']}/activation", body | other)

    async def join(self, token: str) -> dict[str, Any]:
        """Both steps; what the second one answered."""
        begun = await self.begin(token)
        assert begun.status_code == 201, begun.text
        return self.has(await self.activate(begun.json()))

    def has(self, answer: httpx.Response) -> dict[str, Any]:
        """What was answered, with the credential taken from it."""
        assert answer.status_code == 201, answer.text
        given: dict[str, Any] = answer.json()
        self.node, self.credential = given["node"], given["credential"]
        return given

    async def begin_renewal(self, **other: object) -> httpx.Response:
        body = {"tenant": str(self.api.tenant), "node": self.node} | other
        return await self.send("/v1/renewals", body)

    def proof_of(self, begun: dict[str, Any]) -> dict[str, Any]:
        """The body that completes a renewal."""
        return {"tenant": str(self.api.tenant), "nonce": begun["nonce"]}

    async def complete(self, begun: dict[str, Any], /, **other: object) -> httpx.Response:
        return await self.send(f"/v1/renewals/{begun['id']}", self.proof_of(begun) | other)

    async def renew(self) -> dict[str, Any]:
        begun = await self.begin_renewal()
        assert begun.status_code == 201, begun.text
        return self.has(await self.complete(begun.json()))

    async def challenge(self) -> httpx.Response:
        body = {"node": self.node, "session_key": self.session_key}
        return await self.call("POST", "/v1/challenges", body)


@dataclass
class TpmJoiner(Joiner):
    """An agent with a TPM; `enrolled` is what it says of its keys, where that is not the truth."""

    tpm: SimulatedTpm = field(default_factory=lambda: SimulatedTpm(uuid4().bytes * 2))
    enrolled: EnrolledTpm | None = None

    @property
    def keys(self) -> dict[str, str]:
        told = self.enrolled or self.tpm.enrolled
        return {
            "ek_certificates": told.ek_certificates.decode(),
            "ek_public": base64.b64encode(self.tpm.ek.public).decode(),
            "ak_public": base64.b64encode(told.ak_public).decode(),
        }

    def asked(self, token: str) -> dict[str, Any]:
        return super().asked(token) | {"identity": "tpm", "tpm": self.keys}

    def opened(self, begun: dict[str, Any]) -> bytes:
        assert begun["secret_for_software"] is None
        return self.tpm.activate_credential(base64.b64decode(begun["credential_blob"]))

    def proof_of(self, begun: dict[str, Any]) -> dict[str, Any]:
        nonce = decode_base64url(begun["nonce"])
        return super().proof_of(begun) | quoted(self.tpm, renewal_data(nonce, self.thumbprint))


def quoted(tpm: SimulatedTpm, data: bytes) -> dict[str, str]:
    """A quote over this data as a renewal sends it."""
    quote = tpm.quote(data)
    return {
        "quote": base64.b64encode(quote.attest).decode(),
        "signature": base64.b64encode(quote.signature).decode(),
    }


async def joined_by_tpm(api: Api, **asked: object) -> TpmJoiner:
    """A node with a TPM that has enrolled."""
    agent = TpmJoiner(api)
    await agent.join(await make_token(api, **asked))
    return agent


async def joined(api: Api, **asked: object) -> Joiner:
    """A node without TPM that has enrolled."""
    agent = Joiner(api)
    await agent.join(await make_token(api, **asked))
    return agent
