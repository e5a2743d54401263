"""What a node does: takes a challenge, lets its devices answer, and sends what they say."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from plugins.api import Api
from plugins.models import SignedModel

from lotabots.evidence import DerivedChallenge, Evidence, InventoryItem, ReferenceFiles
from lotabots.kernel import Role, SigningKey, VerifyingKey, decode_base64url
from lotabots.runtime.clock import utc_now
from lotabots.simulator import ModelOnNode, Node, make_node, reference_files


def new_jwk() -> dict[str, str]:
    public = SigningKey(generate_private_key(SECP256R1())).jwk_public()
    return {name: public[name] for name in ("kty", "crv", "x", "y")}


@dataclass
class Attester:
    """A registered node and its devices. `agent` False submits as an operator instead."""

    api: Api
    node: Node
    id: str
    agent: bool = True
    session_key: dict[str, str] = field(default_factory=new_jwk)
    caller_node: str | None = None
    """The node that the agent's token names, where it is not this one."""

    @property
    def caller(self) -> dict[str, Any]:
        if not self.agent:
            return {"as_": Role.OPERATOR}
        return {"as_": Role.AGENT, "node": self.caller_node or self.id}

    async def challenge(self, **other: object) -> dict[str, Any]:
        body = {"node": self.id, "session_key": self.session_key} | other
        answer = await self.api.post("/v1/challenges", body, **self.caller)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def evidence(self, challenge: dict[str, Any]) -> list[Evidence]:
        return self.node.attest(derived(challenge, self.session_key).expected())

    async def submit(
        self, challenge: dict[str, Any], evidence: Sequence[Evidence], /, **other: object
    ) -> httpx.Response:
        body = submission(challenge, self.session_key, evidence) | other
        return await self.api.post("/v1/attestations", body, **self.caller)

    async def attest(self, **other: object) -> httpx.Response:
        challenge = await self.challenge()
        return await self.submit(challenge, self.evidence(challenge), **other)

    async def attest_with(
        self, models: Sequence[SignedModel], held: Sequence[SignedModel] | None = None
    ) -> httpx.Response:
        """Attests the node with these models; `held` is what it really holds, in their order."""
        wanted = sorted(models, key=lambda model: model.digest)
        challenge = await self.challenge(models=[model.digest for model in wanted])
        nonces = derived(challenge, self.session_key).expected()
        stated = [
            ModelOnNode(model.files, model.tensors).attest(nonces[f"model{index}"], f"model{index}")
            for index, model in enumerate(held or wanted)
        ]
        return await self.submit(challenge, [*self.evidence(challenge), *stated])

    async def attested(self, **other: object) -> dict[str, Any]:
        answer = await self.attest(**other)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def derived(challenge: dict[str, Any], session_key: dict[str, str]) -> DerivedChallenge:
    """The challenge as the node derives it from what the server said."""
    return DerivedChallenge(
        server=challenge["server"],
        challenge=challenge["id"],
        node=challenge["node"],
        session_key_sha256=VerifyingKey.from_jwk(session_key).thumbprint().hex(),
        nonce=decode_base64url(challenge["nonce"]),
        inventory=tuple(InventoryItem(d["kind"], d["device_id"]) for d in challenge["inventory"]),
    )


def submission(
    challenge: dict[str, Any], session_key: dict[str, str], evidence: Sequence[Evidence]
) -> dict[str, Any]:
    return {
        "challenge": challenge["id"],
        "nonce": challenge["nonce"],
        "session_key": session_key,
        "evidence": [
            {
                "subject": item.subject,
                "scheme": item.scheme,
                "data": base64.b64encode(item.data).decode(),
                "certificates": item.certificates.decode(),
            }
            for item in evidence
        ],
    }


def small_node(name: str = "node", **other: Any) -> Node:
    """A node of one GPU that no other test has: a device stands in one place over all tenants."""
    return make_node(name, seed=uuid4().bytes, **({"gpus": 1, "switches": 0} | other))


async def register(api: Api, node: Node, **other: Any) -> Attester:
    """The node, registered by an operator under a new name."""
    inventory = [{"kind": item.kind, "device_id": item.device_id} for item in node.inventory]
    body = {"name": f"{node.name}-{uuid4().hex[:8]}", "inventory": inventory}
    answer = await api.post("/v1/nodes", body, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return Attester(api, node, answer.json()["id"], **other)


async def use_reference(api: Api, *nodes: Node) -> dict[str, Any]:
    """Puts the reference files of these nodes into force for the tenant."""
    return await upload(api, reference_files(utc_now(), nodes))


async def upload(api: Api, files: ReferenceFiles, name: str = "simulated") -> dict[str, Any]:
    body = {
        "name": name,
        "files": [
            {"name": path, "data": base64.b64encode(data).decode()} for path, data in files.files
        ],
    }
    answer = await api.post("/v1/reference/files", body, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def use_policy(api: Api, policy: str) -> None:
    answer = await api.post(f"/v1/policies/{policy}/activate", as_=Role.OPERATOR)
    assert answer.status_code == 200, answer.text


async def ready(api: Api, node: Node, *, policy: str = "demo", **other: Any) -> Attester:
    """A registered node under this policy, with its reference files in force."""
    await use_policy(api, policy)
    await use_reference(api, node)
    return await register(api, node, **other)
