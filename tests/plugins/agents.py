"""An agent of a node: it has a key of its own, proves it with each request, and keeps attesting."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from plugins.api import Api
from plugins.attester import Attester, derived, ready, submission
from plugins.people import Prover

from lotabots.evidence import Evidence
from lotabots.kernel import Role, encode_base64url
from lotabots.runtime.clock import utc_now
from lotabots.simulator import HostOnNode, Logs, Node, SimulatedTpm


@dataclass
class Agent(Attester):
    """An enrolled node's agent. `host` are changes of what its host states of itself."""

    prover: Prover = field(default_factory=Prover)
    host: dict[str, Any] = field(default_factory=dict)
    newest: dict[str, Any] | None = None
    """The challenge that came with the newest answer."""

    @property
    def thumbprint(self) -> str:
        return encode_base64url(self.prover.key.verifying.thumbprint())

    async def post(self, path: str, body: object, **claims: Any) -> httpx.Response:
        """As the node itself, or as whom the claims of the token say."""
        given: dict[str, Any] = {"node_id": self.id, "user_id": UUID(self.id)}
        given |= {"key_thumbprint": self.thumbprint} | claims
        token = self.api.tokens.token(Role.AGENT, **given)
        url = self.api.servers.url + path
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": self.prover.proof("POST", url, token),
        }
        return await self.api.client.post(url, json=body, headers=headers)

    async def challenge(self, **other: object) -> dict[str, Any]:
        body = {"node": self.id, "session_key": self.session_key} | other
        answer = await self.post("/v1/challenges", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def evidence(self, challenge: dict[str, Any]) -> list[Evidence]:
        """What it was asked for: its GPUs in a full attestation, its host and its TPM in each."""
        asked = derived(challenge, self.session_key)
        host = HostOnNode.of(self.node).saying(**self.host).attest(asked.expected()["host0"])
        logs = Logs()
        if challenge["scope"] == "light" and challenge["tpm"] is not None:
            place = challenge["tpm"]
            logs = Logs(event_log=place["event_log"], ima_from=place["ima_entries"])
        return self.node.attest_whole(asked, [host], logs)

    async def submit(
        self, challenge: dict[str, Any], evidence: Any, /, **other: object
    ) -> httpx.Response:
        body = submission(challenge, self.session_key, evidence) | other
        return await self.post("/v1/attestations", body)

    async def full(self, **other: object) -> dict[str, Any]:
        """The answer to a full attestation."""
        return await self._sent(await self.challenge(), **other)

    async def light(self, **other: object) -> dict[str, Any]:
        """The answer to a light attestation."""
        return await self._sent(await self.challenge(scope="light"), **other)

    async def go_on(self) -> dict[str, Any]:
        """The answer to what the newest answer's challenge asks for; one request."""
        assert self.newest is not None
        return await self._sent(self.newest, next_challenge=True)

    async def _sent(self, challenge: dict[str, Any], **other: object) -> dict[str, Any]:
        answer = await self.submit(challenge, self.evidence(challenge), **other)
        assert answer.status_code == 201, answer.text
        self.newest = answer.json()["challenge"]
        return dict(answer.json())

    def tpm(self, change: Callable[[SimulatedTpm], SimulatedTpm]) -> None:
        """Has something happen to its TPM, or to the machine around it."""
        assert self.node.tpm is not None
        self.node = self.node.with_tpm(change(self.node.tpm))

    async def shown(self) -> dict[str, Any]:
        """The node as an operator sees it."""
        answer = await self.api.get(f"/v1/nodes/{self.id}", as_=Role.OPERATOR)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def enrolled(api: Api, node: Node, **other: Any) -> Agent:
    """A node under the demo policy with an agent, as enrolment leaves it."""
    attester = await ready(api, node, **other)
    return await with_agent(api, attester)


async def with_agent(api: Api, attester: Attester) -> Agent:
    """The registered node, with an agent."""
    prover = Prover()
    public = prover.key.jwk_public()
    key = {name: public[name] for name in ("kty", "crv", "x", "y")}
    agent = Agent(api, attester.node, attester.id, session_key=key, prover=prover)
    now = utc_now()
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "insert into attestation.agents"
            " (node_id, key_thumbprint, token_id, issued_at, expires_at)"
            " values ($1, $2, $3, $4, $5)",
            UUID(agent.id),
            agent.thumbprint,
            uuid4().hex,
            now,
            now + timedelta(hours=24),
        )
        await tx.execute(
            "update attestation.nodes set identity = $2 where id = $1",
            UUID(agent.id),
            "tpm" if agent.node.tpm else "software",
        )
        for tpm in agent.node.tpms:
            await tx.execute(
                "insert into attestation.tpms"
                " (id, node_id, device_id, ek_certificates, ak_public, ak_name, enrolled_at)"
                " values ($1, $2, $3, $4, $5, $6, $7)",
                uuid4(),
                UUID(agent.id),
                tpm.device_id,
                tpm.ek_certificates,
                tpm.ak_public,
                b"the name is of enrolment",
                now,
            )
    return agent
