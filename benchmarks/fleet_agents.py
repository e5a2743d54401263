"""Simulated agents for the benchmark of a fleet: many nodes in one process, on a few connections.

Each has a session key, a credential and a TPM of its own (SIMULATED), and answers as the agent
does: what it sends is judged by the same checks as everything else.
"""

import asyncio
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.access import activation_proof, make_proof
from lotabots.agent import wire
from lotabots.evidence import Evidence
from lotabots.kernel import SigningKey, decode_base64, encode_base64, encode_base64url
from lotabots.simulator import Logs, Node, SimulatedTpm, make_node

T = TypeVar("T")
NO_LOGS = Logs(event_log=False, ima_from=None)


class Connection:
    """One kept connection to a server, and one request on it at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._streams is None or self._streams[0].at_eof():  # an idle one is closed one day
            self._streams = await asyncio.open_connection(self._host, self._port)
        streams, self._streams = self._streams, None  # kept only where all went well
        reader, writer = streams
        lines = [f"POST {path} HTTP/1.1", f"host: {self._host}:{self._port}",
                 "content-type: application/json", f"content-length: {len(body)}",
                 *(f"{name}: {value}" for name, value in headers.items()), "", ""]  # fmt: skip
        writer.write("\r\n".join(lines).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
        answer = await reader.readexactly(length)
        if "connection: close" in head:
            writer.close()
        else:
            self._streams = streams
        return status, answer


class Connections:
    """A few connections that all agents of this process share."""

    def __init__(self, host: str, port: int, most: int) -> None:
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(most):
            self._free.put_nowait(Connection(host, port))

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer, on the first connection that is free."""
        connection = await self._free.get()
        try:
            return await connection.post(path, body, headers)
        finally:
            self._free.put_nowait(connection)


@dataclass
class Agent:
    """One node with a TPM and nothing else, as its agent runs it."""

    node: Node
    url: str
    key: SigningKey = field(default_factory=lambda: SigningKey(generate_private_key(SECP256R1())))
    id: str = ""
    credential: str = ""
    challenge: wire.Challenge | None = None
    status: str = ""
    next_scope: str = "full"

    @property
    def tpm(self) -> SimulatedTpm:
        assert self.node.tpm is not None
        return self.node.tpm

    @property
    def jwk(self) -> dict[str, str]:
        public = self.key.jwk_public()
        return {name: public[name] for name in ("kty", "crv", "x", "y")}

    async def enrol(self, connections: Connections, token: str) -> None:
        """Joins with this token, and keeps the credential."""
        keys = wire.TpmKeys(
            ek_certificates=self.tpm.certificates.decode(),
            ek_public=b64encode(self.tpm.ek.public).decode(),
            ak_public=b64encode(self.tpm.ak.public).decode(),
        )
        asked = wire.EnrolmentRequest(
            token=token, name=self.node.name, session_key=self.jwk, identity="tpm", tpm=keys,
            inventory=(),
        )  # fmt: skip
        begun = await self._ask(connections, "/v1/enrolments", asked, wire.Enrolment)
        assert begun.credential_blob is not None
        secret = self.tpm.activate_credential(decode_base64(begun.credential_blob))
        thumbprint = encode_base64url(self.key.verifying.thumbprint())
        proof = encode_base64(activation_proof(secret, begun.id, thumbprint))
        path = f"/v1/enrolments/{begun.id}/activation"
        body = {"tenant": begun.tenant, "proof": proof}
        given = await self._ask(connections, path, body, wire.Credential)
        self.id, self.credential = str(given.node), given.credential

    async def attest(self, connections: Connections, scope: str = "light") -> str:
        """The verdict on one attestation; one request where a challenge came with the last one."""
        challenge = self.challenge
        if challenge is None or challenge.scope != scope:
            body = {"node": self.id, "session_key": self.jwk, "scope": scope}
            challenge = await self._ask(connections, "/v1/challenges", body, wire.Challenge)
        evidence = self._evidence(challenge, scope)
        sent = wire.submission(challenge, self.jwk, evidence)
        answer = await self._ask(connections, "/v1/attestations", sent, wire.Attested)
        self.challenge, self.status = answer.challenge, answer.status
        self.next_scope = answer.next.scope
        return answer.status

    def _evidence(self, challenge: wire.Challenge, scope: str) -> list[Evidence]:
        logs = NO_LOGS if scope == "light" else Logs(ima_from=0)
        if challenge.tpm is not None:
            logs = Logs(event_log=False, ima_from=challenge.tpm.ima_entries)
        return self.node.attest_whole(challenge.derived(self.key.verifying.thumbprint()), logs=logs)

    async def _ask(self, connections: Connections, path: str, body: object, into: "type[T]") -> "T":
        token = self.credential or None
        proof = make_proof(
            self.key, "POST", self.url + path, datetime.now(UTC), secrets.token_urlsafe(16), token
        )
        headers = {"dpop": proof} | ({} if token is None else {"authorization": f"DPoP {token}"})
        status, answer = await connections.post(path, msgspec.json.encode(body), headers)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {answer[:500].decode()}")
        return msgspec.json.decode(answer, type=into)


def agents(url: str, first: int, count: int) -> list[Agent]:
    """Agents of machines that do not exist, numbered from `first` on."""
    return [
        Agent(make_node(f"bench-{at}", gpus=0, tpm=True, seed=b"bench-%d" % at), url)
        for at in range(first, first + count)
    ]
